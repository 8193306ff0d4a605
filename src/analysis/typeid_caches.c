// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Types by the names of caches: a cache that is nobody else's, called like a struct and with
 * objects of exactly its size, holds that struct. The name may carry what kernel programmers put
 * behind it ("inode_cache"). Names that are the struct's by habit only are in a table; the rule for
 * adding one: the kernel source creates the cache for that struct, cited, and the size must still
 * agree, or it does not count.
 */
#include <stdio.h>
#include <string.h>

#include "analysis/typeid_internal.h"

enum { NAME_BYTES = 96 };

static const struct {
	const char *cache;
	const char *type;
} known_caches[] = {
	{"TCP", "tcp_sock"},			    /* net/ipv4/tcp_ipv4.c tcp_prot */
	{"TCPv6", "tcp6_sock"},			    /* net/ipv6/tcp_ipv6.c tcpv6_prot */
	{"UDP", "udp_sock"},			    /* net/ipv4/udp.c udp_prot */
	{"UDPv6", "udp6_sock"},			    /* net/ipv6/udp.c udpv6_prot */
	{"UNIX", "unix_sock"},			    /* net/unix/af_unix.c unix_dgram_proto */
	{"UNIX-STREAM", "unix_sock"},		    /* net/unix/af_unix.c unix_stream_proto */
	{"RAW", "raw_sock"},			    /* net/ipv4/raw.c raw_prot */
	{"RAWv6", "raw6_sock"},			    /* net/ipv6/raw.c rawv6_prot */
	{"cred_jar", "cred"},			    /* kernel/cred.c cred_init() */
	{"filp", "file"},			    /* fs/file_table.c files_init() */
	{"files_cache", "files_struct"},	    /* kernel/fork.c proc_caches_init() */
	{"fs_cache", "fs_struct"},		    /* kernel/fork.c proc_caches_init() */
	{"mnt_cache", "mount"},			    /* fs/namespace.c mnt_init() */
	{"sighand_cache", "sighand_struct"},	    /* kernel/fork.c proc_caches_init() */
	{"signal_cache", "signal_struct"},	    /* kernel/fork.c proc_caches_init() */
	{"skbuff_head_cache", "sk_buff"},	    /* net/core/skbuff.c skb_init() */
	{"skbuff_fclone_cache", "sk_buff_fclones"}, /* net/core/skbuff.c skb_init() */
	{"sock_inode_cache", "socket_alloc"},	    /* net/socket.c init_inodecache() */
	{"bdev_cache", "bdev_inode"},		    /* block/bdev.c bdev_cache_init() */
	{"shmem_inode_cache", "shmem_inode_info"},  /* mm/shmem.c shmem_init_inodecache() */
	{"ext4_inode_cache", "ext4_inode_info"},    /* fs/ext4/super.c init_inodecache() */
	{"proc_inode_cache", "proc_inode"},	    /* fs/proc/inode.c proc_init_kmemcache() */
	{"radix_tree_node", "xa_node"},		    /* lib/radix-tree.c radix_tree_init() */
	{"eventpoll_epi", "epitem"},		    /* fs/eventpoll.c eventpoll_init() */
	{"eventpoll_pwq", "eppoll_entry"},	    /* fs/eventpoll.c eventpoll_init() */
	{"net_namespace", "net"},		    /* net/core/net_namespace.c net_ns_init() */
	{"ip_fib_alias", "fib_alias"},		    /* net/ipv4/fib_trie.c fib_trie_init() */
	{"ip_dst_cache", "rtable"},		    /* net/ipv4/route.c ip_rt_init() */
	{"inet_peer_cache", "inet_peer"},	    /* net/ipv4/inetpeer.c inet_initpeers() */
	{"request_queue", "request_queue"},	    /* block/blk-core.c blk_dev_init() */
	{"nf_conntrack", "nf_conn"},		    /* net/netfilter/nf_conntrack_core.c */
	{"dquot", "dquot"},			    /* fs/quota/dquot.c dquot_init() */
	{"file_lock_cache", "file_lock"},	    /* fs/locks.c filelock_init() */
};

const char *ul_typeid_cache_habit(const char *cache)
{
	for (size_t i = 0; i < UL_ARRAY_LEN(known_caches); i++)
		if (!strcmp(known_caches[i].cache, cache))
			return known_caches[i].type;
	return NULL;
}

/* Endings that names of caches have and names of structs have not. */
static const char *const endings[] = {"", "_cache", "_cachep", "_slab", "_head", "_node_cache"};

/* Caches whose object size is computed at boot: the name alone decides. */
static const char *const sized_at_boot[] = {
	"task_struct", /* kernel/fork.c fork_init(): arch_task_struct_size */
	"mm_struct",   /* kernel/fork.c mm_cache_init(): a mask of processors at its end */
};

static ul_struct_no find_sized(const struct ul_facts *facts, const char *name, uint32_t bytes)
{
	const ul_struct_no no = ul_facts_find(facts, name);
	const struct ul_struct *one = &facts->structs.data[no];
	for (size_t i = 0; i < UL_ARRAY_LEN(sized_at_boot); i++)
		if (!strcmp(sized_at_boot[i], name))
			return no;
	return one->bytes == bytes || (one->flexible && one->bytes < bytes) ? no : 0;
}

/* "foo_cache" is of struct foo, or of foo_node, when the size agrees. */
static ul_struct_no find_by_name(const struct ul_facts *facts, const char *cache, uint32_t bytes)
{
	const size_t len = strlen(cache);
	const char *habit = ul_typeid_cache_habit(cache);
	if (habit)
		return find_sized(facts, habit, bytes);
	for (size_t i = 0; i < UL_ARRAY_LEN(endings); i++) {
		char name[NAME_BYTES];
		const size_t tail = strlen(endings[i]);
		if (len <= tail || len - tail >= sizeof(name) ||
		    strcmp(cache + len - tail, endings[i]) != 0)
			continue;
		(void)snprintf(name, sizeof(name), "%.*s", (int)(len - tail), cache);
		const ul_struct_no no = find_sized(facts, name, bytes);
		if (no)
			return no;
	}
	return 0;
}

/* "kmalloc-64", "kmalloc-rcl-1k", "dma-kmalloc-8", "msg_msg-1k", "memdup_user-96". */
static bool is_bucket(const char *name)
{
	const char *dash = strrchr(name, '-');
	if (strstr(name, "kmalloc-"))
		return true;
	return dash && dash[1] >= '0' && dash[1] <= '9' &&
	       strspn(dash + 1, "0123456789k") == strlen(dash + 1);
}

/* The next smaller size of kmalloc() (Linux include/linux/slab.h __kmalloc_index()). */
static uint32_t bucket_below(uint32_t bytes)
{
	if (bytes == 192)
		return 128;
	if (bytes == 128)
		return 96;
	if (bytes == 96)
		return 64;
	return bytes == 256 ? 192 : bytes / 2;
}

static struct ul_size_rule rule_of(const struct ul_heap_cache *cache, bool shared)
{
	if (!shared)
		return (struct ul_size_rule){.high = cache->object_bytes, .exact = true};
	if (is_bucket(cache->name))
		return (struct ul_size_rule){.low = bucket_below(cache->object_bytes),
					     .high = cache->object_bytes,
					     .shared = true};
	// Merged: sizes that are the same when aligned (Linux mm/slab_common.c find_mergeable()).
	const uint32_t slack = 64;
	return (struct ul_size_rule){
		.low = cache->object_bytes > slack ? cache->object_bytes - slack : 0,
		.high = cache->slot_bytes > cache->object_bytes ? cache->slot_bytes
								: cache->object_bytes,
		.shared = true};
}

/* The check takes a cache's own size for the next size of kmalloc(). */
static struct ul_size_rule hidden_rule(const struct ul_heap_cache *cache)
{
	uint32_t bucket = 8;
	while (bucket < cache->object_bytes && bucket < 1U << 30)
		bucket *= 2;
	if (bucket <= 256 && bucket >= 128 && cache->object_bytes <= bucket / 4 * 3)
		bucket = bucket / 4 * 3;
	return (struct ul_size_rule){.low = bucket_below(bucket), .high = bucket, .shared = true};
}

struct ul_error *ul_typeid_name_caches(struct ul_typeid *typeid,
				       const struct ul_typeid_options *options)
{
	const struct ul_heap *heap = typeid->heap;
	typeid->caches = calloc(heap->caches.len ? heap->caches.len : 1, sizeof(*typeid->caches));
	if (!typeid->caches)
		return &ul_enomem;
	typeid->caches_len = heap->caches.len;
	for (size_t i = 0; i < heap->caches.len; i++) {
		const struct ul_heap_cache *cache = &heap->caches.data[i];
		struct ul_cache_type *type = &typeid->caches[i];
		const bool hidden = options->hide_cache == i + 1;
		type->shared = cache->merged || is_bucket(cache->name);
		type->rule = rule_of(cache, type->shared);
		if (type->shared)
			continue;
		type->by_name = find_by_name(&typeid->facts, cache->name, cache->object_bytes);
		if (!hidden) {
			type->type = type->by_name;
		} else if (options->hide_as_shared) {
			type->shared = true;
			type->rule = hidden_rule(cache);
		}
	}
	return NULL;
}
