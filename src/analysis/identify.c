// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What an object stands for. A thousand struct file look alike until one knows the path of each;
 * so for the structs that people know by a name the name is looked up: a few pointers along, by
 * members that the types name, never by fixed offsets. Chains (the directories of a path, mounts)
 * have limits; text is cut at the first byte that is not printable.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "analysis/describe.h"

enum {
	NAME_BYTES = 96,
	PATH_STEPS_MAX = 64,
	PREFIX_STEPS_MAX = 8,
	FAMILY_UNIX = 1, /* Linux include/linux/socket.h AF_* */
	FAMILY_INET = 2,
	FAMILY_INET6 = 10,
	FAMILY_NETLINK = 16,
};

/* ---- reading by names of members ---- */

static bool read_bytes(const struct ul_image *image, uint64_t kaddr, void *buffer, size_t len)
{
	size_t got = 0;
	UL_CLEANUP_ERROR struct ul_error *error =
		ul_memory_read(image->memory, kaddr, buffer, len, &got);
	return !error && got == len;
}

/* A number of at most 8 bytes, or a pointer. */
static bool get(const struct ul_image *image, uint64_t kaddr, const char *type, const char *path,
		uint64_t *ret)
{
	struct ul_place place;
	uint64_t value = 0;
	if (!kaddr || !ul_types_place(image->types, type, path, &place) || !place.bytes ||
	    place.bytes > sizeof(value) ||
	    !read_bytes(image, kaddr + place.offset, &value, place.bytes))
		return false;
	if (place.bits && place.bits < 64)
		value = value >> place.bit_offset & ((1ULL << place.bits) - 1);
	*ret = value;
	return true;
}

/*
 * Text at @p kaddr up to its end or the first byte that is not printable; "" where there is none.
 */
static bool get_text(const struct ul_image *image, uint64_t kaddr, size_t most,
		     char text[static NAME_BYTES])
{
	size_t got = 0;
	const size_t len = most < NAME_BYTES - 1 ? most : NAME_BYTES - 1;
	memset(text, 0, NAME_BYTES);
	UL_CLEANUP_ERROR struct ul_error *error =
		kaddr ? ul_memory_read(image->memory, kaddr, text, len, &got) : NULL;
	if (error || !got)
		return false;
	size_t end = 0;
	while (end < got && text[end] >= ' ' && text[end] <= '~')
		end++;
	text[end] = '\0';
	return end;
}

/* The text of an array of characters, or behind a pointer to them. */
static bool get_name(const struct ul_image *image, uint64_t kaddr, const char *type,
		     const char *path, char text[static NAME_BYTES])
{
	struct ul_place place;
	struct ul_type member;
	uint64_t pointer;
	*text = '\0';
	if (!kaddr || !ul_types_place(image->types, type, path, &place) ||
	    !ul_types_get(image->types, place.type, &member))
		return false;
	if (member.kind == UL_TYPE_ARRAY)
		return get_text(image, kaddr + place.offset, place.bytes ? place.bytes : NAME_BYTES,
				text);
	return get(image, kaddr, type, path, &pointer) &&
	       get_text(image, pointer, NAME_BYTES, text);
}

/* ---- paths ---- */

/* A path that grows at its front. */
struct path {
	char text[UL_IDENTITY_BYTES];
	size_t at; /* of its first character */
};

static void path_init(struct path *path)
{
	path->at = sizeof(path->text) - 1;
	path->text[path->at] = '\0';
}

static void path_prepend(struct path *path, const char *name)
{
	const size_t len = strlen(name);
	if (len + 1 > path->at)
		return;
	path->at -= len;
	memcpy(path->text + path->at, name, len);
	path->text[--path->at] = '/';
}

/* "proc" of the filesystem of a dentry or inode. */
static bool filesystem(const struct ul_image *image, uint64_t super_block,
		       char text[static NAME_BYTES])
{
	uint64_t type;
	*text = '\0';
	return get(image, super_block, "super_block", "s_type", &type) &&
	       get_name(image, type, "file_system_type", "name", text);
}

/* One step up from the root of a mount to where it is mounted; false at the outermost. */
static bool leave_mount(const struct ul_image *image, uint64_t *mount, uint64_t *dentry)
{
	uint64_t parent;
	uint64_t mountpoint;
	if (!*mount || !get(image, *mount, "mount", "mnt_parent", &parent) || parent == *mount ||
	    !get(image, *mount, "mount", "mnt_mountpoint", &mountpoint))
		return false;
	*mount = parent;
	*dentry = mountpoint;
	return true;
}

/* Directories from @p dentry up; @p mount 0: only within its filesystem. */
static void walk_up(const struct ul_image *image, uint64_t dentry, uint64_t mount,
		    struct path *path)
{
	for (size_t step = 0; step < PATH_STEPS_MAX; step++) {
		uint64_t parent = 0;
		uint64_t root = 0;
		char name[NAME_BYTES];
		(void)(mount && get(image, mount, "mount", "mnt.mnt_root", &root));
		if (!get(image, dentry, "dentry", "d_parent", &parent))
			return;
		if (dentry == root || parent == dentry) {
			if (!leave_mount(image, &mount, &dentry))
				return;
			continue;
		}
		if (!get_name(image, dentry, "dentry", "d_name.name", name))
			return;
		path_prepend(path, name);
		dentry = parent;
	}
}

static bool dentry_in(const struct ul_image *image, uint64_t dentry, uint64_t mount,
		      char text[static UL_IDENTITY_BYTES])
{
	struct path path;
	char type[NAME_BYTES];
	char name[NAME_BYTES];
	uint64_t super_block = 0;
	uint64_t inode;
	uint64_t number = 0;
	path_init(&path);
	walk_up(image, dentry, mount, &path);
	(void)get(image, dentry, "dentry", "d_sb", &super_block);
	(void)filesystem(image, super_block, type);
	if (path.text[path.at]) {
		const char *whole = path.text + path.at;
		if (mount)
			(void)snprintf(text, UL_IDENTITY_BYTES, "%s", whole);
		else
			(void)snprintf(text, UL_IDENTITY_BYTES, "%.200s (%s)", whole, type);
		return true;
	}
	if (!*type)
		return false;
	// A root, or what has no path: a pipe, a socket.
	if (get(image, dentry, "dentry", "d_inode", &inode))
		(void)get(image, inode, "inode", "i_ino", &number);
	(void)get_name(image, dentry, "dentry", "d_name.name", name);
	(void)snprintf(text, UL_IDENTITY_BYTES, "%s:%s[%" PRIu64 "]", type, name, number);
	return true;
}

/* ---- one function for each struct that has an identity ---- */

static bool of_dentry(const struct ul_image *image, uint64_t kaddr,
		      char text[static UL_IDENTITY_BYTES])
{
	return dentry_in(image, kaddr, 0, text);
}

static uint64_t mount_of(const struct ul_image *image, uint64_t vfsmount)
{
	struct ul_place place;
	if (!vfsmount || !ul_types_place(image->types, "mount", "mnt", &place))
		return 0;
	return vfsmount - place.offset;
}

static bool of_file(const struct ul_image *image, uint64_t kaddr,
		    char text[static UL_IDENTITY_BYTES])
{
	uint64_t dentry;
	uint64_t vfsmount = 0;
	if (!get(image, kaddr, "file", "f_path.dentry", &dentry))
		return false;
	(void)get(image, kaddr, "file", "f_path.mnt", &vfsmount);
	return dentry_in(image, dentry, mount_of(image, vfsmount), text);
}

static bool of_inode(const struct ul_image *image, uint64_t kaddr,
		     char text[static UL_IDENTITY_BYTES])
{
	uint64_t number;
	uint64_t super_block;
	char type[NAME_BYTES];
	char device[NAME_BYTES];
	if (!get(image, kaddr, "inode", "i_ino", &number) ||
	    !get(image, kaddr, "inode", "i_sb", &super_block) ||
	    !filesystem(image, super_block, type))
		return false;
	(void)get_name(image, super_block, "super_block", "s_id", device);
	(void)snprintf(text, UL_IDENTITY_BYTES, "inode %" PRIu64 " of %s on %s", number, type,
		       device);
	return true;
}

static bool of_super_block(const struct ul_image *image, uint64_t kaddr,
			   char text[static UL_IDENTITY_BYTES])
{
	char type[NAME_BYTES];
	char device[NAME_BYTES];
	if (!filesystem(image, kaddr, type))
		return false;
	(void)get_name(image, kaddr, "super_block", "s_id", device);
	(void)snprintf(text, UL_IDENTITY_BYTES, "%s on %s", type, device);
	return true;
}

static bool of_mount(const struct ul_image *image, uint64_t kaddr,
		     char text[static UL_IDENTITY_BYTES])
{
	uint64_t root;
	return get(image, kaddr, "mount", "mnt.mnt_root", &root) &&
	       dentry_in(image, root, kaddr, text);
}

static bool of_task(const struct ul_image *image, uint64_t kaddr,
		    char text[static UL_IDENTITY_BYTES])
{
	char comm[NAME_BYTES];
	uint64_t pid = 0;
	if (!get_name(image, kaddr, "task_struct", "comm", comm))
		return false;
	(void)get(image, kaddr, "task_struct", "pid", &pid);
	(void)snprintf(text, UL_IDENTITY_BYTES, "%s[%" PRIu64 "]", comm, pid);
	return true;
}

static bool of_module(const struct ul_image *image, uint64_t kaddr,
		      char text[static UL_IDENTITY_BYTES])
{
	char name[NAME_BYTES];
	if (!get_name(image, kaddr, "module", "name", name))
		return false;
	(void)snprintf(text, UL_IDENTITY_BYTES, "module %s", name);
	return true;
}

/* Structs with parents of their own kind: kernfs_node, proc_dir_entry. */
static bool of_tree(const struct ul_image *image, uint64_t kaddr, const char *type,
		    const char *const parents[2], char text[static UL_IDENTITY_BYTES])
{
	struct path path;
	path_init(&path);
	for (size_t step = 0; step < PATH_STEPS_MAX && kaddr; step++) {
		uint64_t parent = 0;
		char name[NAME_BYTES];
		if (!get(image, kaddr, type, parents[0], &parent))
			(void)get(image, kaddr, type, parents[1], &parent);
		if (!parent || parent == kaddr || !get_name(image, kaddr, type, "name", name))
			break;
		path_prepend(&path, name);
		kaddr = parent;
	}
	(void)snprintf(text, UL_IDENTITY_BYTES, "%s", path.text + path.at);
	return *text;
}

static bool of_kernfs(const struct ul_image *image, uint64_t kaddr,
		      char text[static UL_IDENTITY_BYTES])
{
	static const char *const parents[2] = {"parent", "__parent"};
	return of_tree(image, kaddr, "kernfs_node", parents, text);
}

static bool of_proc(const struct ul_image *image, uint64_t kaddr,
		    char text[static UL_IDENTITY_BYTES])
{
	static const char *const parents[2] = {"parent", "parent"};
	char path[UL_IDENTITY_BYTES];
	if (!of_tree(image, kaddr, "proc_dir_entry", parents, path))
		return false;
	(void)snprintf(text, UL_IDENTITY_BYTES, "/proc%.300s", path);
	return true;
}

static bool of_cgroup(const struct ul_image *image, uint64_t kaddr,
		      char text[static UL_IDENTITY_BYTES])
{
	uint64_t node;
	return get(image, kaddr, "cgroup", "kn", &node) && of_kernfs(image, node, text);
}

static bool of_mem_cgroup(const struct ul_image *image, uint64_t kaddr,
			  char text[static UL_IDENTITY_BYTES])
{
	uint64_t cgroup;
	return get(image, kaddr, "mem_cgroup", "css.cgroup", &cgroup) &&
	       of_cgroup(image, cgroup, text);
}

/* Structs that are called what one member says. */
static const struct {
	const char *type, *member, *words;
} named[] = {
	{"net_device", "name", "network device"},
	{"kmem_cache", "name", "slab cache"},
	{"file_system_type", "name", "filesystem"},
	{"proto", "name", "protocol"},
	{"ctl_table", "procname", "sysctl"},
	{"workqueue_struct", "name", "workqueue"},
	{"kobject", "name", "kobject"},
	{"gendisk", "disk_name", "disk"},
};

static bool of_named(const struct ul_image *image, size_t index, uint64_t kaddr,
		     char text[static UL_IDENTITY_BYTES])
{
	char name[NAME_BYTES];
	if (!get_name(image, kaddr, named[index].type, named[index].member, name))
		return false;
	(void)snprintf(text, UL_IDENTITY_BYTES, "%s %s", named[index].words, name);
	return true;
}

static unsigned int swap16(uint64_t value)
{
	return __builtin_bswap16((uint16_t)value);
}

static void put_v4(uint64_t address, char *text, size_t size)
{
	(void)snprintf(text, size, "%u.%u.%u.%u", (unsigned int)(address & 0xff),
		       (unsigned int)(address >> 8 & 0xff), (unsigned int)(address >> 16 & 0xff),
		       (unsigned int)(address >> 24 & 0xff));
}

static void put_v6(const struct ul_image *image, uint64_t sock, const char *member, char *text,
		   size_t size)
{
	struct ul_place place;
	uint8_t bytes[16];
	size_t len = 0;
	(void)snprintf(text, size, "?");
	if (!ul_types_place(image->types, "sock_common", member, &place) ||
	    !read_bytes(image, sock + place.offset, bytes, sizeof(bytes)))
		return;
	for (size_t i = 0; i < sizeof(bytes) && len < size; i += 2)
		len += (size_t)snprintf(text + len, size - len, "%s%x", i ? ":" : "",
					(unsigned int)bytes[i] << 8 | bytes[i + 1]);
}

static void put_endpoints(const struct ul_image *image, uint64_t sock, uint64_t family,
			  const char *protocol, char text[static UL_IDENTITY_BYTES])
{
	char from[64];
	char to[64];
	uint64_t port = 0;
	uint64_t peer = 0;
	uint64_t local = 0;
	uint64_t remote = 0;
	(void)get(image, sock, "sock_common", "skc_num", &port);
	(void)get(image, sock, "sock_common", "skc_dport", &peer);
	if (family == FAMILY_INET) {
		(void)get(image, sock, "sock_common", "skc_rcv_saddr", &local);
		(void)get(image, sock, "sock_common", "skc_daddr", &remote);
		put_v4(local, from, sizeof(from));
		put_v4(remote, to, sizeof(to));
		(void)snprintf(text, UL_IDENTITY_BYTES, "%s %s:%u -> %s:%u", protocol, from,
			       (unsigned int)port, to, swap16(peer));
		return;
	}
	put_v6(image, sock, "skc_v6_rcv_saddr", from, sizeof(from));
	put_v6(image, sock, "skc_v6_daddr", to, sizeof(to));
	(void)snprintf(text, UL_IDENTITY_BYTES, "%s [%s]:%u -> [%s]:%u", protocol, from,
		       (unsigned int)port, to, swap16(peer));
}

static bool of_sock(const struct ul_image *image, uint64_t kaddr,
		    char text[static UL_IDENTITY_BYTES])
{
	uint64_t family;
	uint64_t prot;
	uint64_t number = 0;
	char protocol[NAME_BYTES];
	if (!get(image, kaddr, "sock_common", "skc_family", &family) ||
	    !get(image, kaddr, "sock_common", "skc_prot", &prot) ||
	    !get_name(image, prot, "proto", "name", protocol))
		return false;
	if (family == FAMILY_INET || family == FAMILY_INET6) {
		put_endpoints(image, kaddr, family, protocol, text);
		return true;
	}
	if (family == FAMILY_NETLINK)
		(void)get(image, kaddr, "sock", "sk_protocol", &number);
	if (family == FAMILY_UNIX || !number)
		(void)snprintf(text, UL_IDENTITY_BYTES, "%s socket", protocol);
	else
		(void)snprintf(text, UL_IDENTITY_BYTES, "%s socket, protocol %" PRIu64, protocol,
			       number);
	return true;
}

static bool of_socket(const struct ul_image *image, uint64_t kaddr,
		      char text[static UL_IDENTITY_BYTES])
{
	uint64_t sock;
	return get(image, kaddr, "socket", "sk", &sock) && of_sock(image, sock, text);
}

/* Pointers that are answered: `back` of what `member` points to. */
static const struct {
	const char *type, *member, *target, *back;
} answered[] = {
	{"seq_file", "file", "file", "private_data"}, /* fs/seq_file.c seq_open() */
	{"sock", "sk_socket", "socket", "sk"},	      /* include/net/sock.h sk_set_socket() */
	{"socket", "sk", "sock", "sk_socket"},
};

bool ul_identify_owned(struct ul_image *image, const char *type, const char *member, uint64_t kaddr,
		       uint64_t value)
{
	uint64_t back;
	for (size_t i = 0; i < UL_ARRAY_LEN(answered); i++)
		if (!strcmp(answered[i].type, type) && !strcmp(answered[i].member, member))
			return get(image, value, answered[i].target, answered[i].back, &back) &&
			       back == kaddr;
	return true;
}

static bool of_seq_file(const struct ul_image *image, uint64_t kaddr,
			char text[static UL_IDENTITY_BYTES])
{
	uint64_t file;
	uint64_t owner;
	// A file that was closed may be somebody else's by now.
	return get(image, kaddr, "seq_file", "file", &file) &&
	       get(image, file, "file", "private_data", &owner) && owner == kaddr &&
	       of_file(image, file, text);
}

static bool of_vma(const struct ul_image *image, uint64_t kaddr,
		   char text[static UL_IDENTITY_BYTES])
{
	uint64_t file;
	return get(image, kaddr, "vm_area_struct", "vm_file", &file) && of_file(image, file, text);
}

static const struct {
	const char *type;
	bool (*identify)(const struct ul_image *image, uint64_t kaddr,
			 char text[static UL_IDENTITY_BYTES]);
} identities[] = {
	{"file", of_file},	     {"seq_file", of_seq_file},	      {"dentry", of_dentry},
	{"inode", of_inode},	     {"super_block", of_super_block}, {"mount", of_mount},
	{"task_struct", of_task},    {"module", of_module},	      {"kernfs_node", of_kernfs},
	{"proc_dir_entry", of_proc}, {"cgroup", of_cgroup},	      {"mem_cgroup", of_mem_cgroup},
	{"sock", of_sock},	     {"socket", of_socket},	      {"vm_area_struct", of_vma},
};

static bool identify_named(const struct ul_image *image, const char *name, uint64_t kaddr,
			   char text[static UL_IDENTITY_BYTES])
{
	for (size_t i = 0; i < UL_ARRAY_LEN(identities); i++)
		if (!strcmp(identities[i].type, name))
			return identities[i].identify(image, kaddr, text);
	for (size_t i = 0; i < UL_ARRAY_LEN(named); i++)
		if (!strcmp(named[i].type, name))
			return of_named(image, i, kaddr, text);
	return false;
}

/* The inode that a filesystem's own inode holds, or a file within a file's. */
static bool identify_inner(const struct ul_image *image, ul_type_id type, uint64_t kaddr,
			   char text[static UL_IDENTITY_BYTES])
{
	const ul_type_id inode = ul_types_find(image->types, UL_TYPE_STRUCT, "inode");
	struct ul_member member;
	for (uint32_t i = 0; ul_types_member_at(image->types, type, i, &member); i++)
		if (inode && member.type == inode)
			return of_inode(image, kaddr + member.offset_bits / 8, text);
	return false;
}

bool ul_identify(struct ul_image *image, ul_type_id type, uint64_t kaddr,
		 char text[static UL_IDENTITY_BYTES])
{
	const ul_type_id whole = type;
	*text = '\0';
	for (size_t step = 0; image->types && step < PREFIX_STEPS_MAX; step++) {
		struct ul_type one;
		struct ul_member first;
		if (!ul_types_get(image->types, type, &one) || one.kind != UL_TYPE_STRUCT)
			break;
		if (identify_named(image, one.name, kaddr, text))
			return true;
		if (!ul_types_member_at(image->types, type, 0, &first) || first.offset_bits)
			break;
		type = first.type;
	}
	*text = '\0';
	return image->types && identify_inner(image, whole, kaddr, text);
}
