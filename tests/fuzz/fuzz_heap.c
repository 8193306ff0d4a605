// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * All that is asked of a heap, of a small kernel made by hand with damage: orphans and their
 * groups, types, what objects stand for, where they are from, who refers to an address, and the
 * search for variables without names. Input as for fuzz_kwalk; the damage is also where there is to
 * look.
 */
#include <stdlib.h>

#include "analysis/describe.h"
#include "analysis/origin.h"
#include "analysis/orphan_groups.h"
#include "analysis/reach.h"
#include "analysis/typeid.h"
#include "analysis/whatis.h"
#include "fuzz_kwalk.h"
#include "source/image/image_internal.h"

enum { PLACES = 6, REFERENCES = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** What objects are told by. */
static const char more_types[] =
	"struct qstr 16\nname 8 8\n"
	"struct file_system_type 32\nname 0 8\n"
	"struct super_block 128\ns_type 40 *file_system_type\ns_id 64 1[32]\n"
	"struct inode 96\ni_sb 40 *super_block\ni_ino 64 8\n"
	"struct dentry 192\nd_parent 24 8\nd_name 32 qstr\nd_inode 48 *inode\nd_sb 104 "
	"*super_block\n"
	"struct vfsmount 32\nmnt_root 0 *dentry\n"
	"struct mount 128\nmnt_parent 16 8\nmnt_mountpoint 24 *dentry\nmnt 32 vfsmount\n"
	"struct path 16\nmnt 0 *vfsmount\ndentry 8 *dentry\n"
	"struct file 192\nf_path 16 path\nf_inode 32 *inode\nf_op 40 8\nprivate_data 64 8\n"
	"struct seq_operations 32\nstart 0 8\nstop 8 8\nnext 16 8\nshow 24 8\n"
	"struct seq_file 128\nbuf 0 8\nsize 8 8\nop 96 *seq_operations\nfile 112 *file\n"
	"struct proto 64\nname 0 1[32]\n"
	"struct sock_common 96\nskc_daddr 0 4\nskc_rcv_saddr 4 4\nskc_dport 12 2\nskc_num 14 2\n"
	"skc_family 16 2\nskc_prot 40 *proto\n"
	"struct sock 256\n__sk_common 0 sock_common\nsk_protocol 120 2\nsk_socket 128 8\n"
	"struct socket 64\nsk 24 *sock\n"
	"struct kobject 64\nname 0 8\nentry 8 list_head\nparent 24 8\n"
	"struct kernfs_node 128\nparent 8 8\nname 16 8\npriv 96 8\n"
	"struct cgroup 256\nkn 64 *kernfs_node\n"
	"struct cgroup_subsys_state 16\ncgroup 0 *cgroup\nflags 8 4\n"
	"struct mem_cgroup 64\ncss 0 cgroup_subsys_state\n"
	"struct percpu_ref 16\npercpu_count_ptr 0 8\n"
	"struct obj_cgroup 48\nrefcnt 0 percpu_ref\nmemcg 16 *mem_cgroup\n"
	"struct codetag 32\nlineno 4 4\nmodname 8 8\nfunction 16 8\nfilename 24 8\n"
	"struct codetag_ref 8\nct 0 *codetag\n"
	"struct slabobj_ext 16\nobjcg 0 *obj_cgroup\nref 8 codetag_ref\n"
	"struct net_device 256\nname 0 1[16]\n"
	"struct vm_area_struct 128\nvm_file 64 *file\n"
	"struct ctl_table 64\nprocname 0 8\n"
	"struct ctl_table_header 80\nroot 48 8\nset 56 8\n"
	"struct ctl_dir 104\nheader 0 ctl_table_header\n"
	"struct ctl_table_set 112\ndir 8 ctl_dir\n"
	"struct ctl_table_root 128\ndefault_set 0 ctl_table_set\n"
	"struct workqueue_struct 128\nname 64 1[24]\n";

/** An address out of the @p index-th record of the input: as damage() makes one. */
static uint64_t place_of(const uint8_t *data, size_t size, size_t index)
{
	uint64_t value = 0;
	if ((index + 1) * RECORD > size)
		return fk_direct(index);
	memcpy(&value, data + index * RECORD + 1, 3);
	return (fk_direct(0) + value % (FK_PAGES * FK_PAGE)) & ~UINT64_C(7);
}

static void ask(struct fake_kernel *fake, const struct ul_heap *heap, const struct ul_typeid *types,
		uint64_t kaddr)
{
	char text[UL_IDENTITY_BYTES];
	struct ul_whatis what = {0};
	struct ul_seq_owner owner = {0};
	ul_error_destroy(ul_whatis(&fake->image, heap, kaddr, &what));
	ul_whatis_deinit(&what);
	(void)ul_identify_seq(&fake->image, heap, kaddr, &owner);
	for (ul_type_id id = 1; id < ul_types_len(fake->image.types); id++) {
		struct ul_type type;
		struct ul_described described = {0};
		if (!ul_types_get(fake->image.types, id, &type) || type.kind != UL_TYPE_STRUCT)
			continue;
		(void)ul_identify(&fake->image, id, kaddr, text);
		ul_error_destroy(ul_describe(&fake->image, heap, types, id, kaddr, &described));
		ul_described_deinit(&described);
	}
}

/** Of all objects: no more are told than there are. */
static void ask_origins(struct fake_kernel *fake, const struct ul_heap *heap)
{
	UL_CLEANUP_ORIGIN_READER struct ul_origin_reader *reader =
		ul_origin_reader_create(&fake->image, heap);
	UL_CLEANUP_ORIGINS struct ul_origins origins = {0};
	UL_VEC(uint64_t) objects = {0};
	uint64_t told = 0;
	for (uint64_t object = 0; reader && object < heap->objects; object++)
		if (!ul_vec_push(&objects, object))
			break;
	if (reader)
		ul_error_destroy(ul_origins_of(reader, objects.data, objects.len, &origins));
	ul_vec_foreach (charge, &origins.charges)
		told += charge->objects;
	if (told > objects.len)
		abort();
	ul_vec_deinit(&objects);
}

static void search(struct fake_kernel *fake, const struct ul_heap *heap, const uint64_t *places)
{
	const struct ul_reach_options options = {.threads = 1};
	UL_CLEANUP_ORPHANS struct ul_orphans orphans = {0};
	struct ul_references references UL_CLEANUP(ul_references_deinit) = {0};
	struct ul_path path UL_CLEANUP(ul_path_deinit) = {0};
	struct ul_suppressions rules = {0};
	struct ul_error *error = ul_reach(&fake->image, heap, &options, &orphans);
	if (!error &&
	    orphans.objects_reachable + orphans.objects_orphans != orphans.objects_allocated)
		abort();
	if (!error)
		error = ul_orphan_groups(&fake->image, heap, &orphans);
	if (!error)
		error = ul_suppressions_add_built_in(&rules);
	if (!error)
		error = ul_orphan_groups_finish(&fake->image, heap, &rules, &orphans);
	if (!error)
		error = ul_reach_references(&fake->image, heap, places, PLACES, REFERENCES, 1,
					    &references);
	if (!error)
		error = ul_reach_path(&fake->image, heap, places[0], 1, &path);
	ul_error_destroy(error);
	ul_suppressions_deinit(&rules);
}

static void ask_all(struct fake_kernel *fake, const struct ul_heap *heap, const uint8_t *data,
		    size_t size)
{
	UL_CLEANUP_TYPEID struct ul_typeid *types = NULL;
	UL_CLEANUP_TYPE_CENSUS struct ul_type_census census = {0};
	uint64_t places[PLACES];
	for (size_t i = 0; i < PLACES; i++)
		places[i] = place_of(data, size, i);
	search(fake, heap, places);
	ask_origins(fake, heap);
	UL_CLEANUP_ERROR struct ul_error *error =
		ul_typeid_create(&fake->image, heap, NULL, &types);
	if (error)
		return;
	ul_error_destroy(ul_typeid_census(types, &census));
	for (size_t i = 0; i < PLACES; i++)
		ask(fake, heap, types, places[i]);
}

/** The same memory, when nothing in it has a name. */
static void name_unnamed(struct fake_kernel *fake)
{
	ul_symtab_destroy(fake->image.symtab);
	fake->image.symtab = ul_symtab_create();
	if (!fake->image.symtab)
		return;
	ul_symtab_finish(fake->image.symtab);
	// Of a live image per-CPU variables would be looked for with the BTF of the kernel that
	// runs this.
	ul_error_destroy(ul_image_name_unnamed(&fake->image));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ul_types *types[2]; // made once: takes longer than all the rest
	struct fake_kernel fake;
	UL_CLEANUP_HEAP struct ul_heap heap = {0};
	const struct ul_kwalk_options options = {.threads = 1};
	if (!size)
		return 0;
	struct ul_types **mine = &types[data[0] & 1];
	if (!*mine)
		*mine = fk_types_and(data[0] & 1, more_types);
	if (fake_kernel_init(&fake, data[0] & 1, *mine)) {
		fake.no_map = data[0] & 2;
		damage_all(&fake, data + 1, size - 1);
		UL_CLEANUP_ERROR struct ul_error *error =
			ul_kwalk_heap(&fake.image, &options, &heap);
		if (!error)
			ask_all(&fake, &heap, data + 1, size - 1);
		name_unnamed(&fake);
	}
	fake.image.types = NULL;
	fake_kernel_deinit(&fake);
	return 0;
}
