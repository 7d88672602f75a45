// Package servertest gives tests real servers: MySQL, MariaDB, PostgreSQL and Elasticsearch.
//
// There are two kinds. The shared servers run for the whole of a test run; their
// addresses stand in environment variables (see [Flavor] and [OpenElastic]), which
// "make test" and scripts/servers/up.sh set. A test gets a database, or a prefix
// for index names, of its own on them ([OpenSQL], [OpenElastic]), so tests may run
// at the same time. Private servers ([StartSQL], [StartElastic]) belong to one
// test, which may stop, kill and restart them with the same data and port; they
// are started by scripts/servers and need MEEPO_TEST_RUN_DIR, which the same two
// commands set.
//
// A test whose server is missing is skipped by name; with MEEPO_REQUIRE_SERVERS=1
// it fails instead, so that a complete run cannot be quietly incomplete.
package servertest
