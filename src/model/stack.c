// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/stack.h"

#include <fnmatch.h>

#include "base/text.h"

void ul_stack_deinit(struct ul_stack *stack)
{
	ul_vec_foreach (frame, &stack->frames) {
		free(frame->function);
		free(frame->module);
		free(frame->file);
	}
	ul_vec_deinit(&stack->frames);
}

bool ul_stack_copy(struct ul_stack *to, const struct ul_stack *from)
{
	*to = (struct ul_stack){0};
	ul_vec_foreach (frame, &from->frames) {
		struct ul_frame *copy = ul_vec_add(&to->frames);
		if (!copy)
			goto out_of_memory;
		copy->kaddr = frame->kaddr;
		copy->offset = frame->offset;
		copy->line = frame->line;
		copy->inlined = frame->inlined;
		if (!ul_text_set(&copy->function, frame->function) ||
		    !ul_text_set(&copy->module, frame->module) ||
		    !ul_text_set(&copy->file, frame->file))
			goto out_of_memory;
	}
	return true;
out_of_memory:
	ul_stack_deinit(to);
	return false;
}

bool ul_stack_has(const struct ul_stack *stack, const char *glob)
{
	ul_vec_foreach (frame, &stack->frames)
		if (frame->function && !fnmatch(glob, frame->function, 0))
			return true;
	return false;
}
