// SPDX-License-Identifier: GPL-2.0-or-later
/* Of struct ul_address_space only: what needs no more of an image than where its parts lie. */
#include "model/image.h"

bool ul_space_direct_pfn(const struct ul_address_space *space, uint64_t kaddr, uint64_t *ret_pfn)
{
	if (!space->page_offset || kaddr < space->page_offset)
		return false;
	const uint64_t pfn = (kaddr - space->page_offset) / space->page_bytes;
	if (pfn >= space->max_pfn)
		return false;
	*ret_pfn = pfn;
	return true;
}

uint64_t ul_space_pfn_kaddr(const struct ul_address_space *space, uint64_t pfn)
{
	return space->page_offset + pfn * space->page_bytes;
}

bool ul_space_page_pfn(const struct ul_address_space *space, uint64_t struct_page,
		       uint64_t *ret_pfn)
{
	if (!space->vmemmap || !space->struct_page_bytes || struct_page < space->vmemmap)
		return false;
	const uint64_t pfn = (struct_page - space->vmemmap) / space->struct_page_bytes;
	if (pfn >= space->max_pfn)
		return false;
	*ret_pfn = pfn;
	return true;
}

uint64_t ul_space_pfn_page(const struct ul_address_space *space, uint64_t pfn)
{
	return space->vmemmap + pfn * space->struct_page_bytes;
}
