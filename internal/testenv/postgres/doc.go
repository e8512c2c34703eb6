// Package postgres starts PostgreSQL servers: real ones on the loopback interface, with TLS by an
// authority of their own, scram-sha-256 passwords and a folder of their own, that end with the
// process that started them.
//
// The programs are the machine's: found on PATH or where Debian, Red Hat, Homebrew and the
// PostgreSQL installers put them, the newest first. initdb refuses to run as root, so under root
// the server runs as the user postgres or nobody.
//
// A server is set up for tests of connections. Members of these roles are let in differently:
//
//   - groundwork_tls must use TLS
//   - groundwork_cert must use TLS with a client certificate of their own name, and a password
//   - groundwork_cert_only must use TLS with a client certificate of their own name, and no password
//   - groundwork_banned are refused by the server's access rules
//
// Everybody else comes in with a password, with or without TLS. Nothing is written to disk safely
// (fsync is off): a server is for tests.
package postgres
