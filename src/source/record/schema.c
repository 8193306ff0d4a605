// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/record/schema.h"

const char ul_record_schema[] =
	"CREATE TABLE name(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;"
	"CREATE TABLE session(id INTEGER PRIMARY KEY, first_sample INTEGER NOT NULL,"
	" release TEXT NOT NULL, version TEXT NOT NULL, arch TEXT NOT NULL, node TEXT NOT NULL,"
	" page_bytes INTEGER NOT NULL, cpus INTEGER NOT NULL, losses INTEGER NOT NULL,"
	" processes_dropped INTEGER NOT NULL, clean INTEGER NOT NULL) STRICT;"
	"CREATE TABLE series(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, name INTEGER NOT NULL,"
	" pid INTEGER NOT NULL, start INTEGER NOT NULL, flags INTEGER NOT NULL,"
	" parent INTEGER NOT NULL) STRICT;"
	"CREATE TABLE sample(id INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL,"
	" boottime_ns INTEGER NOT NULL, flags INTEGER NOT NULL, losses INTEGER,"
	" data BLOB NOT NULL) STRICT;"
	"CREATE TABLE cache(series INTEGER PRIMARY KEY, object_size INTEGER NOT NULL,"
	" objects_per_slab INTEGER NOT NULL, pages_per_slab INTEGER NOT NULL) STRICT;"
	"CREATE TABLE alias(series INTEGER NOT NULL, position INTEGER NOT NULL,"
	" name INTEGER NOT NULL, PRIMARY KEY(series, position)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE loss(id INTEGER NOT NULL, position INTEGER NOT NULL, bias INTEGER NOT NULL,"
	" count INTEGER NOT NULL, what INTEGER NOT NULL,"
	" PRIMARY KEY(id, position)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE frame(id INTEGER PRIMARY KEY, kaddr INTEGER NOT NULL,"
	" function INTEGER NOT NULL, offset INTEGER NOT NULL, module INTEGER NOT NULL,"
	" file INTEGER NOT NULL, line INTEGER NOT NULL, inlined INTEGER NOT NULL,"
	" UNIQUE(kaddr, function, offset, module, file, line, inlined)) STRICT;"
	"CREATE TABLE stack(id INTEGER PRIMARY KEY, frames BLOB NOT NULL UNIQUE) STRICT;"
	"CREATE TABLE trace(id INTEGER PRIMARY KEY, engine TEXT NOT NULL, window_s REAL NOT NULL,"
	" drain_s REAL NOT NULL, events INTEGER NOT NULL, losses INTEGER NOT NULL,"
	" begin_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL) STRICT;"
	"CREATE TABLE site(trace INTEGER NOT NULL, position INTEGER NOT NULL,"
	" allocator INTEGER NOT NULL, cache INTEGER NOT NULL, account INTEGER NOT NULL,"
	" flags INTEGER NOT NULL, call_site INTEGER NOT NULL, object_bytes INTEGER NOT NULL,"
	" stack INTEGER NOT NULL, named_frame INTEGER, allocated INTEGER NOT NULL,"
	" freed INTEGER NOT NULL, live INTEGER NOT NULL, missed INTEGER NOT NULL,"
	" allocated_bytes INTEGER NOT NULL, freed_bytes INTEGER NOT NULL,"
	" live_bytes INTEGER NOT NULL, survivors INTEGER NOT NULL,"
	" survivor_bytes INTEGER NOT NULL, age_p50_s REAL, trust REAL NOT NULL,"
	" PRIMARY KEY(trace, position)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE site_process(trace INTEGER NOT NULL, site INTEGER NOT NULL,"
	" position INTEGER NOT NULL, pid INTEGER NOT NULL, comm INTEGER NOT NULL,"
	" objects INTEGER NOT NULL, PRIMARY KEY(trace, site, position)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE site_example(trace INTEGER NOT NULL, site INTEGER NOT NULL,"
	" position INTEGER NOT NULL, key INTEGER NOT NULL, bytes INTEGER NOT NULL,"
	" time_ns INTEGER NOT NULL, pid INTEGER NOT NULL, comm INTEGER NOT NULL,"
	" survivor INTEGER NOT NULL, PRIMARY KEY(trace, site, position)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE document(id INTEGER PRIMARY KEY, command TEXT NOT NULL,"
	" json TEXT NOT NULL) STRICT;";

const char ul_record_schema_boot[] = "CREATE TABLE IF NOT EXISTS boot(session INTEGER PRIMARY KEY, "
				     "boot_id TEXT NOT NULL) STRICT;";

const char ul_record_schema_freed[] =
	"CREATE TABLE IF NOT EXISTS site_freed(trace INTEGER NOT NULL, site INTEGER NOT NULL,"
	" position INTEGER NOT NULL, stack INTEGER NOT NULL, comm INTEGER NOT NULL,"
	" objects INTEGER NOT NULL, PRIMARY KEY(trace, site, position)) STRICT, WITHOUT ROWID;";

const char ul_record_schema_share[] =
	"CREATE TABLE IF NOT EXISTS trace_share(trace INTEGER PRIMARY KEY, share REAL NOT NULL,"
	" cost REAL NOT NULL, memory_bytes INTEGER NOT NULL) STRICT;"
	"CREATE TABLE IF NOT EXISTS site_error(trace INTEGER NOT NULL, site INTEGER NOT NULL,"
	" survivors REAL NOT NULL, freed REAL NOT NULL, allocated REAL NOT NULL,"
	" PRIMARY KEY(trace, site)) STRICT, WITHOUT ROWID;";
