// Package postgres is a PostgreSQL server, 13 or later, as a source: its log by logical replication
// (pgoutput), its rows by SELECT.
//
// The log is kept for us by a replication slot, and holds the tables of a publication. A slot holds back
// the server's WAL until what it holds is acknowledged, which happens only when it is durable elsewhere.
// While nothing of ours is in the log, keepalives of the server and messages that we write to it say how far it was read.
//
// A row is read as it is now, which may be ahead of what standbys have. So after a failover, which a later timeline tells,
// each table has a gap: the new primary may lack what was read, and its log will not tell of it.
package postgres
