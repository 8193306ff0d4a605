// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * leakfs: a file system whose lookups leave negative dentries: grows, and reclaim takes it back.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/module.h>

#include "leakstat.h"

#define LEAKFS_MAGIC 0x6c65616b

/* Nothing exists here; the negative dentry stays until reclaim wants it. */
static struct dentry *leakfs_lookup(struct inode *dir, struct dentry *dentry, unsigned int flags)
{
	if (dentry->d_name.len > NAME_MAX)
		return ERR_PTR(-ENAMETOOLONG);
	d_add(dentry, NULL);
	return NULL;
}

static const struct inode_operations leakfs_dir_inode_ops = {
	.lookup = leakfs_lookup,
};

static const struct super_operations leakfs_super_ops = {
	.statfs = simple_statfs,
};

static int leakfs_fill_super(struct super_block *sb, struct fs_context *fc)
{
	struct inode *root;

	sb->s_magic = LEAKFS_MAGIC;
	sb->s_op = &leakfs_super_ops;
	root = new_inode(sb);
	if (!root)
		return -ENOMEM;
	root->i_ino = 1;
	root->i_mode = S_IFDIR | 0755;
	root->i_op = &leakfs_dir_inode_ops;
	root->i_fop = &simple_dir_operations;
	set_nlink(root, 2);
	/* Takes the inode, also when it fails. */
	sb->s_root = d_make_root(root);
	return sb->s_root ? 0 : -ENOMEM;
}

static int leakfs_get_tree(struct fs_context *fc)
{
	return get_tree_nodev(fc, leakfs_fill_super);
}

static const struct fs_context_operations leakfs_context_ops = {
	.get_tree = leakfs_get_tree,
};

static int leakfs_init_fs_context(struct fs_context *fc)
{
	fc->ops = &leakfs_context_ops;
	return 0;
}

static struct file_system_type leakfs_type = {
	.owner = THIS_MODULE,
	.name = "leakfs",
	.init_fs_context = leakfs_init_fs_context,
	.kill_sb = kill_anon_super,
};

int leakstat_register_leakfs(void)
{
	return register_filesystem(&leakfs_type);
}

void leakstat_unregister_leakfs(void)
{
	unregister_filesystem(&leakfs_type);
}
