// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Leaks that an image must show: objects that point to each other and to which nothing else points.
 * Each node also begins with a list head that points to itself, which is no reference either.
 */
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/skbuff.h>
#include <linux/slab.h>

#include "leakstat.h"

struct leakstat_node {
	struct list_head self;
	struct list_head ring;
	unsigned long serial;
	char text[88];
};

static struct leakstat_node *leakstat_new_node(int kind)
{
	struct leakstat_node *node = kmalloc(sizeof(*node), GFP_KERNEL);

	if (!node)
		return NULL;
	INIT_LIST_HEAD(&node->self);
	INIT_LIST_HEAD(&node->ring);
	node->serial = leakstat_objects(kind);
	leakstat_fill(node->text, sizeof(node->text), kind);
	leakstat_account(kind, node, sizeof(*node));
	return node;
}

/*
 * @length nodes in a ring without a head. What was made before memory ran out is lost all the same.
 */
static noinline int leakstat_lose_ring(unsigned long length, int kind)
{
	struct leakstat_node *first = leakstat_new_node(kind), *node;

	if (!first)
		return -ENOMEM;
	while (--length) {
		node = leakstat_new_node(kind);
		if (!node)
			return -ENOMEM;
		list_add_tail(&node->ring, &first->ring);
	}
	return 0;
}

leaky int leakstat_leak_orphan_list(unsigned long length)
{
	return leakstat_lose_ring(length, COUNT_ORPHAN_LIST);
}

leaky int leakstat_leak_pairs(unsigned long unused)
{
	return leakstat_lose_ring(2, COUNT_PAIRS);
}

leaky int leakstat_leak_cycles(unsigned long length)
{
	return leakstat_lose_ring(length, COUNT_CYCLES);
}

struct leakstat_parent {
	void *children[7];
	char text[264];
};

/* One object lost directly, @children of 48 bytes through it. */
leaky int leakstat_leak_parents(unsigned long children)
{
	struct leakstat_parent *parent = kzalloc(sizeof(*parent), GFP_KERNEL);
	unsigned long i;

	if (!parent)
		return -ENOMEM;
	leakstat_fill(parent->text, sizeof(parent->text), COUNT_PARENTS);
	leakstat_account(COUNT_PARENTS, parent, sizeof(*parent));
	for (i = 0; i < children; i++) {
		void *child = kmalloc(48, GFP_KERNEL);

		if (!child)
			return -ENOMEM;
		leakstat_fill(child, 48, COUNT_CHILDREN);
		leakstat_account(COUNT_CHILDREN, child, 48);
		parent->children[i] = child;
	}
	return 0;
}

/* Packets: the head is an object of its own. */
leaky int leakstat_leak_skbs(unsigned long size)
{
	struct sk_buff *skb = alloc_skb(size, GFP_KERNEL);

	if (!skb)
		return -ENOMEM;
	leakstat_fill(skb_put(skb, size), size, COUNT_SKBS);
	leakstat_account(COUNT_SKBS, skb, sizeof(*skb));
	leakstat_account(COUNT_SKB_HEADS, skb->head, size);
	return 0;
}
