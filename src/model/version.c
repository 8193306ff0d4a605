// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/version.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/** A number below 65,536 cut off @p rest; false when there is none. */
static bool cut_number(struct ul_span *rest, uint16_t *ret)
{
	size_t digits = 0;
	uint32_t value = 0;
	while (digits < rest->len && digits < 5 && isdigit((unsigned char)rest->data[digits]))
		value = value * 10 + (uint32_t)(rest->data[digits++] - '0');
	if (!digits || value > UINT16_MAX ||
	    (digits < rest->len && isdigit((unsigned char)rest->data[digits])))
		return false;
	*ret = (uint16_t)value;
	rest->data += digits;
	rest->len -= digits;
	return true;
}

static bool cut_text(struct ul_span *rest, const char *text)
{
	if (!ul_span_starts(*rest, text))
		return false;
	rest->data += strlen(text);
	rest->len -= strlen(text);
	return true;
}

bool ul_version_parse(struct ul_span text, struct ul_version *ret)
{
	struct ul_version version = {0};
	*ret = version;
	struct ul_span rest = text;
	cut_text(&rest, "v");
	if (!cut_number(&rest, &version.major) || !cut_text(&rest, ".") ||
	    !cut_number(&rest, &version.minor) || !version.major)
		return false;
	if (cut_text(&rest, ".") && !cut_number(&rest, &version.patch))
		return false;
	if ((cut_text(&rest, "-rc") || cut_text(&rest, "~rc")) && !cut_number(&rest, &version.rc))
		return false;
	*ret = version;
	return true;
}

const char *ul_version_format(char text[UL_VERSION_TEXT], struct ul_version version)
{
	int len = snprintf(text, UL_VERSION_TEXT, "%u.%u", version.major, version.minor);
	if (version.patch)
		len += snprintf(text + len, UL_VERSION_TEXT - (size_t)len, ".%u", version.patch);
	if (version.rc)
		snprintf(text + len, UL_VERSION_TEXT - (size_t)len, "-rc%u", version.rc);
	return text;
}

int ul_version_compare(struct ul_version a, struct ul_version b)
{
	if (a.major != b.major)
		return a.major < b.major ? -1 : 1;
	if (a.minor != b.minor)
		return a.minor < b.minor ? -1 : 1;
	if (a.patch != b.patch)
		return a.patch < b.patch ? -1 : 1;
	const unsigned int a_rc = a.rc ? a.rc : UINT16_MAX + 1U;
	const unsigned int b_rc = b.rc ? b.rc : UINT16_MAX + 1U;
	return a_rc < b_rc ? -1 : a_rc > b_rc;
}

bool ul_version_same_series(struct ul_version a, struct ul_version b)
{
	if (a.major != b.major || a.minor != b.minor)
		return false;
	return a.major > 2 || a.patch == b.patch;
}

/**
 * Debian's own revision: a number, perhaps for an older suite ("2", "1~deb12u1", "1~bpo13+1",
 * "1~exp1", "1+b1"). Those who build Debian's source again with patches of theirs add a word of
 * their own ("1kali2", "1+rpt1", "1~mx23"), or an epoch.
 */
static bool debian_revision(struct ul_span package)
{
	static const char *const suffixes[] = {"~deb", "+deb", "~bpo", "~exp", "+b", ".", "u", "+"};
	struct ul_span rest = package;
	struct ul_span upstream;
	uint16_t number;
	if (!ul_span_cut(&rest, '-', &upstream) || !cut_number(&rest, &number))
		return false;
	while (rest.len) {
		size_t at = 0;
		while (at < UL_ARRAY_LEN(suffixes) && !cut_text(&rest, suffixes[at]))
			at++;
		if (at == UL_ARRAY_LEN(suffixes) || !cut_number(&rest, &number))
			return false;
	}
	return true;
}

/** "6.1.192-2" behind the word Debian in the banner. */
static bool debian_package(const char *banner, char *package, size_t size)
{
	const char *word = strstr(banner, "Debian ");
	if (!word)
		return false;
	struct ul_span rest = ul_span_of(word + strlen("Debian "));
	struct ul_span version;
	if (!ul_span_word(&rest, &version) || !debian_revision(version))
		return false;
	ul_span_copy(version, package, size);
	return true;
}

struct ul_kernel_version ul_version_of(const char *release, const char *banner)
{
	struct ul_kernel_version ret = {0};
	if (debian_package(banner, ret.package, sizeof(ret.package)) &&
	    ul_version_parse(ul_span_of(ret.package), &ret.version)) {
		ret.vendor = UL_VENDOR_DEBIAN;
		return ret;
	}
	ret.package[0] = 0;
	if (!ul_version_parse(ul_span_of(release), &ret.version)) {
		// Debian's word, with a revision of somebody else's: the version is good enough.
		const char *word = strstr(banner, "Debian ");
		if (word)
			(void)ul_version_parse(ul_span_of(word + strlen("Debian ")), &ret.version);
		return ret;
	}
	char plain[UL_VERSION_TEXT];
	ul_version_format(plain, ret.version);
	char with_zero[UL_VERSION_TEXT + 4];
	snprintf(with_zero, sizeof(with_zero), "%u.%u.0", ret.version.major, ret.version.minor);
	if (ret.version.rc) // 6.12.0-rc3 is how a release candidate calls itself
		snprintf(with_zero, sizeof(with_zero), "%u.%u.0-rc%u", ret.version.major,
			 ret.version.minor, ret.version.rc);
	if (!strcmp(release, plain) || (!ret.version.patch && !strcmp(release, with_zero)))
		ret.vendor = UL_VENDOR_UPSTREAM;
	return ret;
}
