// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Leaks in the style of real ones, of the kernel's own objects: a bystander allocates (fork, open,
 * the sender of a packet), a function here takes a reference, another loses it. See lost.c and
 * LEAKS.
 */
#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/kernel.h>
#include <linux/namei.h>
#include <linux/net.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/path.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/udp.h>
#include <net/ip.h>
#include <net/net_namespace.h>
#include <net/route.h>
#include <net/sock.h>

#include "leakstat.h"

#define LEAKSTAT_PORT 4747

/* One object is lost once, however many of its references are; inverted, as in truth.c. */
static notrace void leakstat_account_once(int kind, const void *object, size_t bytes,
					  unsigned long *last)
{
	if (*last == ~(unsigned long)object)
		return;
	*last = ~(unsigned long)object;
	leakstat_account(kind, object, bytes);
}

/* --- route: looked up for a packet that is not sent (reachable: the list of uncached routes) - */

static leaky struct rtable *leakstat_route_lookup(void)
{
	/* A broadcast: its route is made for each look-up and kept nowhere else. */
	struct flowi4 flow = {
		.daddr = htonl(INADDR_BROADCAST),
		.flowi4_oif = init_net.loopback_dev->ifindex,
	};

	return ip_route_output_key(&init_net, &flow);
}

static leaky void leakstat_route_confirm(struct rtable *route, bool stale)
{
	if (stale) {
		/* The bug: ip_rt_put(route) is missing. */
		leakstat_account(COUNT_LOST_ROUTE, route, sizeof(*route));
		return;
	}
	ip_rt_put(route);
}

static int leakstat_turn_route(bool lose, const char *word)
{
	struct rtable *route = leakstat_route_lookup();

	if (IS_ERR(route))
		return PTR_ERR(route);
	leakstat_route_confirm(route, lose);
	return 0;
}

/* --- cred: of the process that asks, allocated by its fork or exec --------------------------- */

static unsigned long leakstat_last_cred;

static leaky const struct cred *leakstat_audit_begin(void)
{
	return get_current_cred();
}

static leaky void leakstat_audit_finish(const struct cred *cred, bool denied)
{
	if (denied) {
		/* The bug: put_cred(cred) is missing. */
		leakstat_account_once(COUNT_LOST_CRED, cred, sizeof(*cred), &leakstat_last_cred);
		return;
	}
	put_cred(cred);
}

static int leakstat_turn_cred(bool lose, const char *word)
{
	leakstat_audit_finish(leakstat_audit_begin(), lose);
	return 0;
}

/* --- file: of a descriptor of the process that asks ----------------------------------------- */

static unsigned long leakstat_last_file;

static leaky struct file *leakstat_watch_open(unsigned int fd)
{
	return fget(fd);
}

static leaky void leakstat_watch_close(struct file *file, bool busy)
{
	if (busy) {
		/* The bug: fput(file) is missing. */
		leakstat_account_once(COUNT_LOST_FILE, file, sizeof(*file), &leakstat_last_file);
		return;
	}
	fput(file);
}

static int leakstat_turn_file(bool lose, const char *word)
{
	struct file *file;
	unsigned int fd;
	int err;

	if (!word)
		return -EINVAL;
	err = kstrtouint(word, 0, &fd);
	if (err)
		return err;
	file = leakstat_watch_open(fd);
	if (!file)
		return -EBADF;
	leakstat_watch_close(file, lose);
	return 0;
}

/* --- pid and task: of the process that asks ------------------------------------------------- */

static unsigned long leakstat_last_pid;
static unsigned long leakstat_last_visitor;
static unsigned long leakstat_last_task;

static leaky struct pid *leakstat_owner_claim(void)
{
	return get_pid(task_pid(current));
}

static leaky void leakstat_owner_drop(struct pid *pid, bool changed)
{
	if (changed) {
		/* The bug: put_pid(pid) is missing. */
		leakstat_account_once(COUNT_LOST_PID, pid, sizeof(*pid), &leakstat_last_pid);
		return;
	}
	put_pid(pid);
}

static int leakstat_turn_pid(bool lose, const char *word)
{
	leakstat_owner_drop(leakstat_owner_claim(), lose);
	return 0;
}

/* Each visits twice, and the second visit may end early. The reference is taken and given back by
 * calls (not tail calls) of functions that are not inlined. */
static leaky struct pid *leakstat_visitor_enter(void)
{
	struct pid *pid = find_get_pid(task_tgid_vnr(current));

	barrier();
	return pid;
}

static leaky void leakstat_visitor_leave(struct pid *pid, bool early)
{
	if (early) {
		/* The bug: put_pid(pid) is missing. */
		leakstat_account_once(COUNT_LOST_VISITOR, pid, sizeof(*pid),
				      &leakstat_last_visitor);
		return;
	}
	put_pid(pid);
	barrier();
}

static int leakstat_turn_visitor(bool lose, const char *word)
{
	leakstat_visitor_leave(leakstat_visitor_enter(), false);
	leakstat_visitor_leave(leakstat_visitor_enter(), lose);
	return 0;
}

static leaky struct task_struct *leakstat_tracer_attach(void)
{
	get_task_struct(current);
	return current;
}

static leaky void leakstat_tracer_detach(struct task_struct *task, bool gone)
{
	if (gone) {
		/* The bug: put_task_struct(task) is missing. */
		leakstat_account_once(COUNT_LOST_TASK, task, sizeof(*task), &leakstat_last_task);
		return;
	}
	put_task_struct(task);
}

static int leakstat_turn_task(bool lose, const char *word)
{
	leakstat_tracer_detach(leakstat_tracer_attach(), lose);
	return 0;
}

/* --- dentry: of a path (reachable: its parent's list of children) ---------------------------- */

static unsigned long leakstat_last_dentry;

static leaky int leakstat_mark_path(const char *name, struct dentry **ret)
{
	struct path path;
	int err = kern_path(name, 0, &path);

	if (err)
		return err;
	*ret = dget(path.dentry);
	path_put(&path);
	return 0;
}

static leaky void leakstat_unmark_path(struct dentry *dentry, bool moved)
{
	if (moved) {
		/* The bug: dput(dentry) is missing. */
		leakstat_account_once(COUNT_LOST_DENTRY, dentry, sizeof(*dentry),
				      &leakstat_last_dentry);
		return;
	}
	dput(dentry);
}

static int leakstat_turn_dentry(bool lose, const char *word)
{
	struct dentry *dentry;
	int err = word ? leakstat_mark_path(word, &dentry) : -EINVAL;

	if (err)
		return err;
	leakstat_unmark_path(dentry, lose);
	return 0;
}

/* --- socket: of a connection that is given up ----------------------------------------------- */

static leaky int leakstat_peer_connect(struct socket **ret)
{
	return sock_create_kern(&init_net, AF_INET, SOCK_DGRAM, IPPROTO_UDP, ret);
}

static leaky void leakstat_peer_abort(struct socket *socket, bool early)
{
	if (early) {
		/* The bug: sock_release(socket) is missing. */
		leakstat_account(COUNT_LOST_SOCKET, socket, sizeof(*socket));
		return;
	}
	sock_release(socket);
}

static int leakstat_turn_socket(bool lose, const char *word)
{
	struct socket *socket;
	int err = leakstat_peer_connect(&socket);

	if (err)
		return err;
	leakstat_peer_abort(socket, lose);
	return 0;
}

/* --- skb: dropped by a packet filter -------------------------------------------------------- */

static leaky unsigned int leakstat_filter_drop(struct sk_buff *skb)
{
	/* The bug: who says NF_STOLEN must free the packet. */
	leakstat_account(COUNT_LOST_SKB, skb, sizeof(*skb));
	return NF_STOLEN;
}

static unsigned int leakstat_filter(void *unused, struct sk_buff *skb,
				    const struct nf_hook_state *state)
{
	const struct iphdr *ip = ip_hdr(skb);
	const struct udphdr *udp;

	if (ip->protocol != IPPROTO_UDP || !pskb_may_pull(skb, ip_hdrlen(skb) + sizeof(*udp)))
		return NF_ACCEPT;
	udp = (const struct udphdr *)((const char *)ip_hdr(skb) + ip_hdrlen(skb));
	if (udp->dest == htons(LEAKSTAT_PORT))
		return leakstat_filter_drop(skb);
	/* The next port's packets are dropped as they should be. */
	return udp->dest == htons(LEAKSTAT_PORT + 1) ? NF_DROP : NF_ACCEPT;
}

static const struct nf_hook_ops leakstat_filter_ops = {
	.hook = leakstat_filter,
	.pf = NFPROTO_IPV4,
	.hooknum = NF_INET_LOCAL_IN,
	.priority = 100,
};

static leaky int leakstat_ping_send(struct socket *socket, unsigned int port)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct msghdr message = {.msg_name = &to, .msg_namelen = sizeof(to)};
	struct kvec part = {};
	char text[300];
	int sent;

	leakstat_fill(text, sizeof(text), COUNT_LOST_SKB);
	part.iov_base = text;
	part.iov_len = sizeof(text);
	sent = kernel_sendmsg(socket, &message, &part, 1, sizeof(text));
	return sent < 0 ? sent : 0;
}

/*
 * Each packet from a socket of its own: a lost packet keeps its share of the socket's buffer for
 * good.
 */
static int leakstat_turn_skb(bool lose, const char *word)
{
	struct socket *socket;
	int err = sock_create_kern(&init_net, AF_INET, SOCK_DGRAM, IPPROTO_UDP, &socket);

	if (err)
		return err;
	err = leakstat_ping_send(socket, lose ? LEAKSTAT_PORT : LEAKSTAT_PORT + 1);
	sock_release(socket);
	return err;
}

int leakstat_create_filter(void)
{
	return nf_register_net_hook(&init_net, &leakstat_filter_ops);
}

void leakstat_remove_filter(void)
{
	nf_unregister_net_hook(&init_net, &leakstat_filter_ops);
}

const struct leakstat_loss leakstat_losses_refs[] = {
	{"route", leakstat_turn_route},	    {"cred", leakstat_turn_cred},
	{"file", leakstat_turn_file},	    {"pid", leakstat_turn_pid},
	{"visitor", leakstat_turn_visitor}, {"task", leakstat_turn_task},
	{"dentry", leakstat_turn_dentry},   {"socket", leakstat_turn_socket},
	{"skb", leakstat_turn_skb},	    {NULL},
};
