// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs a fuzz target over the files of a corpus, as a normal test: every input that once crashed a
 * parser stays tried, with any compiler and without libFuzzer.
 */
#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(const char *path)
{
	struct stat status;
	FILE *file = fopen(path, "rb");
	if (!file || fstat(fileno(file), &status) != 0) {
		perror(path);
		return -1;
	}
	const size_t size = (size_t)status.st_size;
	// Of exactly this size, so that a sanitizer sees a read of one byte too many.
	uint8_t *data = malloc(size ? size : 1);
	if (!data || fread(data, 1, size, file) != size) {
		perror(path);
		exit(1);
	}
	fclose(file);
	printf("%s\n", path);
	fflush(stdout);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 0;
}

int main(int argc, char **argv)
{
	size_t files = 0;
	if (argc != 2) {
		fprintf(stderr, "usage: %s CORPUS_DIRECTORY\n", argv[0]);
		return 2;
	}
	DIR *directory = opendir(argv[1]);
	if (!directory) {
		perror(argv[1]);
		return 1;
	}
	for (const struct dirent *entry; (entry = readdir(directory));) {
		char path[4096];
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
		if (run_file(path) != 0)
			return 1;
		files++;
	}
	closedir(directory);
	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	printf("%zu files\n", files);
	return files ? 0 : 1; // an empty corpus tests nothing
}
