// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/holder.h"

#include <stdlib.h>

void ul_holders_deinit(struct ul_holders *holders)
{
	ul_vec_foreach (cgroup, &holders->cgroups) {
		free(cgroup->path);
		ul_vec_deinit(&cgroup->caches);
	}
	ul_vec_deinit(&holders->cgroups);
	ul_vec_deinit(&holders->processes);
	ul_vec_deinit(&holders->files);
	ul_vec_deinit(&holders->protocols);
	ul_vec_deinit(&holders->queues);
	ul_vec_deinit(&holders->segments);
	ul_losses_deinit(&holders->losses);
}

const char *ul_cgroup_figure_name(enum ul_cgroup_figure figure)
{
	static const char *const names[UL_CGROUP_FIGURES] = {
		[UL_CGROUP_ANON] = "anon",
		[UL_CGROUP_FILE] = "file",
		[UL_CGROUP_SHMEM] = "shmem",
		[UL_CGROUP_KERNEL] = "kernel",
		[UL_CGROUP_KERNEL_STACK] = "kernel_stack",
		[UL_CGROUP_PAGE_TABLES] = "pagetables",
		[UL_CGROUP_PERCPU] = "percpu",
		[UL_CGROUP_SOCK] = "sock",
		[UL_CGROUP_VMALLOC] = "vmalloc",
		[UL_CGROUP_SLAB_RECLAIMABLE] = "slab_reclaimable",
		[UL_CGROUP_SLAB_UNRECLAIMABLE] = "slab_unreclaimable",
		[UL_CGROUP_ZSWAP] = "zswap",
		[UL_CGROUP_SWAP] = "swap",
	};
	return names[figure];
}

const char *ul_file_kind_name(enum ul_file_kind kind)
{
	static const char *const names[UL_FILE_KINDS] = {
		[UL_FILE_MEMFD] = "memfd",
		[UL_FILE_DELETED_TMPFS] = "deleted tmpfs file",
		[UL_FILE_DELETED] = "deleted file",
		[UL_FILE_DMABUF] = "dma-buf",
		[UL_FILE_DRM] = "gpu",
	};
	return names[kind];
}
