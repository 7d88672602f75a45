// Package demo fills a small shop database with believable rows and changes them, the same way
// each time for the same seed. The demo and tests that need a real-looking database use it; it
// runs on MySQL, on MariaDB and on PostgreSQL.
//
// The tables between them hold most column types that people use, a composite key
// (order_items) and a text key (stores). They reference each other, but without cascades,
// because cascaded changes are missing from the log of most servers.
package demo
