// SPDX-License-Identifier: GPL-2.0-or-later
#include "view/account.h"

#include "base/units.h"

enum { BAR_COLUMNS = 24 };

const char *ul_term_kind(enum ul_kind kind)
{
	switch (kind) {
	case UL_KIND_FREE:
		return "free";
	case UL_KIND_ANON:
		return "anonymous (processes)";
	case UL_KIND_FILE:
		return "page cache";
	case UL_KIND_SHMEM:
		return "shared memory, tmpfs";
	case UL_KIND_SLAB:
		return "slab (kernel objects)";
	case UL_KIND_KERNEL_STACK:
		return "kernel stacks";
	case UL_KIND_PAGE_TABLES:
		return "page tables";
	case UL_KIND_PERCPU:
		return "per-CPU";
	case UL_KIND_VMALLOC:
		return "vmalloc";
	case UL_KIND_HUGETLB:
		return "huge pages";
	case UL_KIND_KERNEL_OTHER:
		return "kernel, other";
	case UL_KIND_UNACCOUNTED:
		return "unaccounted";
	case UL_KIND_PROCESS:
		return "process";
	case UL_KIND_NOTE:
		return "note";
	case UL_KIND_COMPRESSED:
		return "compressed (zswap, zram)";
	case UL_KIND_CGROUP:
		return "control group";
	case UL_KIND_PROCESS_FDS:
		return "open files of a process";
	case UL_KIND_PROCESS_TABLES:
		return "page tables of a process";
	case UL_KIND_PROCESS_FILES:
		return "deleted files a process holds";
	}
	return "?";
}

bool ul_kind_of_kernel(enum ul_kind kind)
{
	switch (kind) {
	case UL_KIND_SLAB:
	case UL_KIND_KERNEL_STACK:
	case UL_KIND_PAGE_TABLES:
	case UL_KIND_PERCPU:
	case UL_KIND_VMALLOC:
	case UL_KIND_KERNEL_OTHER:
	case UL_KIND_UNACCOUNTED:
		return true;
	case UL_KIND_FREE:
	case UL_KIND_ANON:
	case UL_KIND_FILE:
	case UL_KIND_SHMEM:
	case UL_KIND_HUGETLB:
	case UL_KIND_PROCESS:
	case UL_KIND_NOTE:
	case UL_KIND_COMPRESSED:
	case UL_KIND_CGROUP:
	case UL_KIND_PROCESS_FDS:
	case UL_KIND_PROCESS_TABLES:
	case UL_KIND_PROCESS_FILES:
		break;
	}
	return false;
}

void ul_term_machine(const struct ul_term *term, const struct ul_kernel *kernel,
		     const struct ul_ledger *ledger)
{
	char total[UL_UNITS_TEXT];
	struct ul_buf line UL_CLEANUP_BUF = {0};
	ul_term_escape(&line, kernel->node);
	ul_buf_puts(&line, *kernel->node ? ", Linux " : "Linux ");
	ul_term_escape(&line, kernel->release);
	ul_buf_putc(&line, ' ');
	ul_term_escape(&line, kernel->arch);
	if (ledger->mem_total)
		ul_term_print(term, UL_STYLE_STRONG, "%s, %s of memory\n", ul_buf_str(&line),
			      ul_format_bytes(total, (double)ledger->mem_total));
	else // a log of slab caches
		ul_term_print(term, UL_STYLE_STRONG, "%s, size of memory not known\n",
			      ul_buf_str(&line));
}

static double share(int64_t bytes, uint64_t total)
{
	return total ? (double)bytes / (double)total : 0;
}

static const char *bar(char text[static BAR_COLUMNS + 1], double part)
{
	int filled = (int)(part * BAR_COLUMNS + 0.5);
	filled = filled < 0 ? 0 : filled > BAR_COLUMNS ? BAR_COLUMNS : filled;
	for (int i = 0; i < BAR_COLUMNS; i++)
		text[i] = i < filled ? '#' : '.';
	text[BAR_COLUMNS] = '\0';
	return text;
}

static void kind_row(struct ul_table *table, const struct ul_ledger *ledger, enum ul_kind kind,
		     int64_t bytes)
{
	char size[UL_UNITS_TEXT];
	char text[BAR_COLUMNS + 1];
	const double part = share(bytes, ledger->mem_total);
	const enum ul_style style = kind == UL_KIND_FREE ? UL_STYLE_DIM : UL_STYLE_PLAIN;
	ul_table_cell(table, style, "%s", ul_term_kind(kind));
	ul_table_cell(table, style, "%s", ul_format_bytes(size, (double)bytes));
	if (!ledger->mem_total) {
		ul_table_cell(table, style, "-");
		ul_table_cell(table, style, "%s", "");
		return;
	}
	ul_table_cell(table, style, "%.1f %%", 100 * part);
	ul_table_cell(table, UL_STYLE_DIM, "%s", bar(text, part));
}

struct ul_error *ul_term_kinds(const struct ul_term *term, const struct ul_ledger *ledger)
{
	static const struct ul_table_column columns[] = {{.title = "WHAT"},
							 {.title = "BYTES", .right = true},
							 {.title = "SHARE", .right = true},
							 {0}};
	static const enum ul_kind order[] = {
		UL_KIND_FREE,	      UL_KIND_FILE,	  UL_KIND_ANON,
		UL_KIND_SHMEM,	      UL_KIND_HUGETLB,	  UL_KIND_SLAB,
		UL_KIND_VMALLOC,      UL_KIND_PERCPU,	  UL_KIND_PAGE_TABLES,
		UL_KIND_KERNEL_STACK, UL_KIND_COMPRESSED, UL_KIND_KERNEL_OTHER};
	char low[UL_UNITS_TEXT];
	char high[UL_UNITS_TEXT];
	struct ul_table table UL_CLEANUP_TABLE;
	ul_table_init(&table, columns, UL_ARRAY_LEN(columns));
	for (size_t i = 0; i < UL_ARRAY_LEN(order); i++) {
		const int64_t bytes = ul_ledger_kind_bytes(ledger, order[i]);
		if (bytes)
			kind_row(&table, ledger, order[i], bytes);
	}
	if (!ledger->mem_total)
		return ul_table_print(term, &table);
	kind_row(&table, ledger, UL_KIND_UNACCOUNTED, ledger->unaccounted.bytes);
	UL_TRY(ul_table_print(term, &table));
	ul_term_print(term, UL_STYLE_DIM,
		      "  Unaccounted: covered by no counter, such as drivers' pages; %s to %s.\n",
		      ul_format_bytes(low, (double)ledger->unaccounted.low),
		      ul_format_bytes(high, (double)ledger->unaccounted.high));
	return NULL;
}

/** The parts of shared memory, when there is more than one to speak of. */
static struct ul_error *print_shmem(const struct ul_term *term, const struct ul_ledger *ledger,
				    size_t top)
{
	static const struct ul_table_column columns[] = {
		{.title = "SHARED MEMORY, TMPFS", .shrinks = true},
		{.title = "BYTES", .right = true}};
	struct ul_table table UL_CLEANUP_TABLE;
	ul_table_init(&table, columns, UL_ARRAY_LEN(columns));
	size_t parts = 0;
	ul_vec_foreach (account, &ledger->accounts) {
		char size[UL_UNITS_TEXT];
		if (account->kind != UL_KIND_SHMEM || !account->bytes || parts == top)
			continue;
		parts++;
		ul_table_cell(&table, UL_STYLE_PLAIN, "%s", account->name);
		ul_table_cell(&table, UL_STYLE_PLAIN, "%s",
			      ul_format_bytes(size, (double)account->bytes));
	}
	if (parts < 2)
		return NULL;
	ul_term_heading(term, "What shared memory is");
	return ul_table_print(term, &table);
}

/** What the firmware gave and MemTotal does not have. */
static void print_outside(const struct ul_term *term, const struct ul_ledger *ledger)
{
	char outside[UL_UNITS_TEXT];
	char ram[UL_UNITS_TEXT];
	if (ledger->ram_bytes <= ledger->mem_total)
		return;
	ul_term_print(
		term, UL_STYLE_DIM,
		"  Outside of MemTotal: %s of %s of RAM (kernel image, page array, reserved).\n",
		ul_format_bytes(outside, (double)(ledger->ram_bytes - ledger->mem_total)),
		ul_format_bytes(ram, (double)ledger->ram_bytes));
}

static struct ul_error *print_kernel_accounts(const struct ul_term *term,
					      const struct ul_ledger *ledger, size_t top)
{
	static const struct ul_table_column columns[] = {{.title = "ACCOUNT", .shrinks = true},
							 {.title = "KIND"},
							 {.title = "BYTES", .right = true},
							 {.title = "OBJECTS", .right = true},
							 {.title = "RECLAIMABLE"}};
	struct ul_table table UL_CLEANUP_TABLE;
	ul_table_init(&table, columns, UL_ARRAY_LEN(columns));
	ul_vec_foreach (account, &ledger->accounts) {
		char size[UL_UNITS_TEXT];
		char count[UL_UNITS_TEXT] = "";
		if (!ul_kind_of_kernel(account->kind) || !account->bytes)
			continue;
		if (!top--)
			break;
		if (account->objects >= 0)
			ul_format_count(count, (uint64_t)account->objects);
		ul_table_cell(&table, UL_STYLE_PLAIN, "%s", account->name);
		ul_table_cell(&table, UL_STYLE_PLAIN, "%s", ul_kind_name(account->kind));
		ul_table_cell(&table, UL_STYLE_PLAIN, "%s",
			      ul_format_bytes(size, (double)account->bytes));
		ul_table_cell(&table, UL_STYLE_PLAIN, "%s", count);
		ul_table_cell(&table, UL_STYLE_PLAIN, "%s", account->reclaimable ? "yes" : "");
	}
	ul_term_heading(term, "Largest accounts of the kernel");
	return ul_table_print(term, &table);
}

static struct ul_error *print_processes(const struct ul_term *term, const struct ul_ledger *ledger,
					size_t top)
{
	static const struct ul_table_column columns[] = {{.title = "PID", .right = true},
							 {.title = "COMMAND", .shrinks = true},
							 {.title = "PSS", .right = true},
							 {.title = "RSS", .right = true},
							 {.title = "SWAP", .right = true}};
	struct ul_table table UL_CLEANUP_TABLE;
	ul_table_init(&table, columns, UL_ARRAY_LEN(columns));
	ul_vec_foreach (process, &ledger->processes) {
		char pss[UL_UNITS_TEXT] = "-";
		char rss[UL_UNITS_TEXT];
		char swap[UL_UNITS_TEXT] = "";
		if (process->kernel_thread)
			continue;
		if (!top--)
			break;
		if (process->has_pss)
			ul_format_bytes(pss, (double)process->pss_bytes);
		if (process->swap_bytes)
			ul_format_bytes(swap, (double)process->swap_bytes);
		ul_table_cell(&table, UL_STYLE_PLAIN, "%d", (int)process->pid);
		ul_table_cell(&table, UL_STYLE_PLAIN, "%s", process->comm);
		ul_table_cell(&table, UL_STYLE_PLAIN, "%s", pss);
		ul_table_cell(&table, UL_STYLE_PLAIN, "%s",
			      ul_format_bytes(rss, (double)process->rss_bytes));
		ul_table_cell(&table, UL_STYLE_PLAIN, "%s", swap);
	}
	if (!table.cells.len)
		return NULL;
	ul_term_heading(term, "Largest processes");
	return ul_table_print(term, &table);
}

static struct ul_error *print_notes(const struct ul_term *term, const struct ul_ledger *ledger)
{
	static const struct ul_table_column columns[] = {{.title = "WHAT", .shrinks = true},
							 {.title = "BYTES", .right = true}};
	struct ul_table table UL_CLEANUP_TABLE;
	ul_table_init(&table, columns, UL_ARRAY_LEN(columns));
	ul_vec_foreach (note, &ledger->notes) {
		char size[UL_UNITS_TEXT];
		if (!note->bytes)
			continue;
		ul_table_cell(&table, UL_STYLE_PLAIN, "%s", note->name);
		ul_table_cell(&table, UL_STYLE_PLAIN, "%s",
			      ul_format_bytes(size, (double)note->bytes));
	}
	if (!table.cells.len)
		return NULL;
	ul_term_heading(term, "Already counted above, seen from another side");
	return ul_table_print(term, &table);
}

struct ul_error *ul_term_account(const struct ul_term *term, const struct ul_kernel *kernel,
				 const struct ul_ledger *ledger, const struct ul_pages *pages,
				 const struct ul_holders *holders, size_t top)
{
	ul_term_machine(term, kernel, ledger);
	ul_term_heading(term, ledger->mem_total ? "Where it is (together exactly MemTotal)"
						: "Where it is (what the log tells)");
	UL_TRY(ul_term_kinds(term, ledger));
	print_outside(term, ledger);
	UL_TRY(print_shmem(term, ledger, top));
	UL_TRY(print_kernel_accounts(term, ledger, top));
	if (!holders) // else the holders' table has them, and more of them
		UL_TRY(print_processes(term, ledger, top));
	UL_TRY(print_notes(term, ledger));
	if (pages)
		UL_TRY(ul_term_pages(term, pages));
	if (holders)
		UL_TRY(ul_term_holders(term, holders, top));
	ul_term_losses(term, &ledger->losses);
	return NULL;
}
