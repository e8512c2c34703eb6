package pglock

import (
	"errors"
	"fmt"
	"strings"
)

// Hint gives the next thing to do for an error of this package, empty when it knows none.
func Hint(err error) string {
	if hint, ok := decisionHint(err); ok {
		return hint
	}
	var e *CallError
	if !errors.As(err, &e) {
		return ""
	}
	if e.Remedy != "" && errors.Is(err, ErrDenied) {
		return e.deniedHint()
	}
	if e.connecting || e.Op == "connect" {
		if hint := e.connectHint(); hint != "" {
			return hint
		}
	}
	return e.statementHint()
}

// decisionHint is about what groundwork itself refuses.
func decisionHint(err error) (hint string, ok bool) {
	var (
		exists  *ExistsError
		shape   *ShapeError
		live    *LiveLeaseError
		foreign *ForeignContentError
		use     *InUseError
		others  *NotOursError
		nothing *NoLockTableError
	)
	switch {
	case errors.As(err, &exists) && exists.Final:
		return "It cannot be taken over as it is: do what the message says, or choose another name.", true
	case errors.As(err, &exists):
		return fmt.Sprintf("If this %s is meant, import it or set adopt_existing = true: it is taken over and nothing in it is changed or lost. Otherwise choose another name.", exists.What), true
	case errors.As(err, &shape):
		return "Change the table as the message says, or choose another table or schema; groundwork changes no column that exists.", true
	case errors.As(err, &live):
		return fmt.Sprintf("Wait until the holder is done. If it is dead, look at SELECT * FROM %s and delete the row of that lock, then repeat the command.", live.Table), true
	case errors.As(err, &foreign):
		return fmt.Sprintf("Move what it holds elsewhere or drop it yourself. To keep the database and only forget it: terraform state rm, or pulumi state delete. What is in it: psql -d %q -c '\\d *.*'", foreign.Database), true
	case errors.As(err, &use):
		return "End these sessions and repeat the command, or allow groundwork to cut them off. A pooler such as PgBouncer keeps connections of its own for a while after its clients have left.", true
	case errors.As(err, &nothing):
		return nothing.hint(), true
	case errors.As(err, &others):
		return "Adopt the table first, or drop it yourself.", true
	}
	return "", false
}

func (e *CallError) deniedHint() string {
	switch {
	case strings.Contains(e.Remedy, " CREATEDB"):
		return fmt.Sprintf("The user %q may not create databases. As an administrator run: %s; on a managed service give the user that right there (on Scaleway is_admin = true). Or create the database with the service's own tools and adopt it.", e.User, e.Remedy)
	case strings.HasPrefix(e.Remedy, "GRANT CREATE, USAGE ON SCHEMA"):
		return fmt.Sprintf("The user %q may not create tables in this schema; since PostgreSQL 15 only the owner of a database may do so in public. As the owner run: %s; or choose a schema of groundwork's own. On Scaleway give the user the permission all on this database.", e.User, e.Remedy)
	case strings.HasPrefix(e.Remedy, "GRANT CREATE ON DATABASE"):
		return fmt.Sprintf("The user %q may not create a schema in this database. As the owner run: %s; on Scaleway give the user the permission all on this database. Or choose a schema that exists.", e.User, e.Remedy)
	case strings.Contains(e.Remedy, "OWNER TO"):
		return fmt.Sprintf("Only the owner may do that, and %q is not the owner. Connect as the owner, or have the owner or an administrator run: %s", e.User, e.Remedy)
	}
	return fmt.Sprintf("The user %q lacks the right. As an administrator run: %s", e.User, e.Remedy)
}

// from says where a setting was found, where that helps.
func (e *CallError) from(libpq string) string {
	if e.settings.hold == nil {
		return ""
	}
	source := e.settings.source(libpq, e.Database)
	if source == noPassword {
		return " (" + noPassword + ")"
	}
	return " (from " + source + ")"
}

// name says how to give a setting.
func (e *CallError) name(libpq string) string { return e.settings.name(libpq) }

func (e *CallError) connectHint() string {
	where := fmt.Sprintf("%s%s, port %s%s", e.Host, e.from("host"), e.Port, e.from("port"))
	switch {
	case e.Is(ErrRefused) && e.settings.hold != nil && e.settings.source("host", "") == theDefault:
		return fmt.Sprintf("No host is set, and no server on this machine has a socket in %s. Set postgres_host in the provider, or PULUMI_LOCK_DB_HOST or PGHOST in the environment.", e.Host)
	case e.Is(ErrRefused):
		return fmt.Sprintf("Nothing listens at %s. Check both (managed services often use another port than 5432), and that the server runs.", where)
	case e.Is(ErrUnreachable):
		return fmt.Sprintf("There is no way from this machine to %s. Check the network, the VPN and the firewall.", where)
	case e.Is(ErrTimeout):
		return fmt.Sprintf("Nothing answered at %s. A firewall or the service's list of allowed addresses usually drops such connections: allow this machine there, or raise %s. A pooler also keeps its clients waiting while it cannot reach the server or the database behind it.", where, e.name("connect_timeout"))
	case e.Is(ErrUnknownHost) && strings.ContainsAny(e.Host, ":/<>@ "):
		return fmt.Sprintf("%q%s is no name of a host. Give the name or the address alone, and the port by %s.", e.Host, e.from("host"), e.name("port"))
	case e.Is(ErrUnknownHost):
		return fmt.Sprintf("The host %s%s has no address. Check its spelling, and that this machine resolves it (VPN, private DNS).", e.Host, e.from("host"))
	case e.Is(ErrPassword) && e.settings.hold != nil && e.settings.source("password", e.Database) == noPassword:
		return fmt.Sprintf("No password is given for the user %q%s. Set %s, which in CI comes from its secrets (an empty variable counts as none), or write a password file, ~/.pgpass.", e.User, e.from("user"), e.name("password"))
	case e.Is(ErrPassword):
		return fmt.Sprintf("Check the user %q%s and its password%s. PostgreSQL says the same when there is no such user.", e.User, e.from("user"), e.from("password"))
	case e.Is(ErrTooManyConnections):
		return "Close connections that are not needed (SELECT * FROM pg_stat_activity), put PgBouncer in front, or raise max_connections; then repeat the command."
	case e.Is(ErrNotReady):
		return "The server is starting, stopping or failing over. Wait a minute and repeat the command."
	case e.Is(ErrNotFound) && !e.maintenance:
		return e.databaseHint()
	case e.Is(ErrNotFound):
		return fmt.Sprintf("The server has no database %q%s. To create and drop databases groundwork connects to one that exists: set postgres_maintenance_database (rdb on Scaleway, defaultdb on DigitalOcean and Aiven).", e.Database, e.from("dbname"))
	case e.Is(ErrDenied):
		return fmt.Sprintf("The user %q may not connect to this database. As its owner run: GRANT CONNECT ON DATABASE %s TO %s; on a managed service give the user a permission on it there.", e.User, ident(e.Database), ident(e.User))
	}
	return e.tlsHint()
}

// databaseHint is about a database that a command or a resource names and the server does not have.
func (e *CallError) databaseHint() string {
	if e.settings.flags == nil {
		return fmt.Sprintf("The server has no database %q. Check the name (postgres.database of the table) and the server, or make the database with groundwork_lock_database.", e.Database)
	}
	return fmt.Sprintf("The server has no database %q. Check the name (%s) and the server, or make the database with groundwork_lock_database, or by hand: CREATE DATABASE %s;", e.Database, e.name(lockDatabase), ident(e.Database))
}

// protocolViolation is what PgBouncer gives as the code of most of its own errors.
const protocolViolation = "08P01"

func (e *CallError) tlsHint() string {
	mode, ca := e.from("sslmode"), e.from("sslrootcert")
	switch {
	case e.Is(ErrNotAdmitted):
		if e.Code == protocolViolation {
			return fmt.Sprintf("A pooler such as PgBouncer turned the connection away, and says the same for several reasons: a wrong password%s, a user%s that it does not know, or a database or a server that it cannot reach. Check these, and its log.", e.from("password"), e.from("user"))
		}
		hint := "The server's access rules (pg_hba.conf, or the service's list of allowed addresses) let this user not in from here in this way. Check database and user; if the message says no encryption, set " + e.name("sslmode") + " to require or stricter."
		if !e.clientTLS {
			hint += fmt.Sprintf(" If it asks for a client certificate, set %s and %s.", e.name("sslcert"), e.name("sslkey"))
		}
		return hint
	case e.Is(ErrNoTLS):
		return fmt.Sprintf("The server or a pooler in front of it does not speak TLS, and sslmode%s asks for it. Turn TLS on there; without it passwords and locks are unprotected on the way (disable in %s is for a server on this machine).", mode, e.name("sslmode"))
	case e.Is(ErrUnknownAuthority):
		return fmt.Sprintf("The server's certificate is not signed by an authority that is trusted here%s. Set %s to the PEM of its authority; services offer it for download (scaleway_rdb_instance has it as certificate).", ca, e.name("sslrootcert"))
	case e.Is(ErrHostMismatch):
		return fmt.Sprintf("The certificate is for another name than %s%s. Connect by the name in the certificate; verify-ca in %s checks the authority alone.", e.Host, e.from("host"), e.name("sslmode"))
	case e.Is(ErrCertificate):
		return "The server's certificate is not valid, for example expired. Renew it there, and check this machine's clock."
	case e.Is(ErrLost) && e.clientTLS:
		return fmt.Sprintf("The connection broke during the login: repeat the command. If it goes on, the server may not take the client's certificate, and close the connection before it has said so: check %s and %s.", e.name("sslcert"), e.name("sslkey"))
	case e.Is(ErrClientCertificate):
		return fmt.Sprintf("The server does not take the client's certificate: it wants one, or wants it signed by another authority, or it has expired. Check %s and %s.", e.name("sslcert"), e.name("sslkey"))
	}
	return ""
}

// statementHint is about failures that have nothing to do with one statement.
func (e *CallError) statementHint() string {
	switch {
	case e.Is(ErrLost), e.Is(ErrNotReady):
		return "The connection broke in the middle. Nothing half-made is left behind: repeat the command, and it goes on from what there is."
	case e.Is(ErrTimeout):
		return "Somebody holds the table in an open transaction, or the server is too slow. See who waits for whom: SELECT pid, pg_blocking_pids(pid), query FROM pg_stat_activity; then repeat the command."
	case e.Is(ErrReadOnly):
		return "This server takes no writes: it is a standby, or the database is set to read only. Connect to the primary; with several hosts add target_session_attrs=read-write to the URL."
	case e.Is(ErrInUse):
		return "Something else uses it, as the message says. Remove that first and repeat the command."
	case e.Is(ErrExists):
		return "The name is taken. Choose another one, or rename what has it."
	case e.Is(ErrNotFound):
		return "Check the spelling: names are taken exactly as they are written, capitals included. Create what is missing, or name another one."
	case e.Is(ErrDenied):
		return fmt.Sprintf("The user %q%s lacks the right for this. Connect as the owner, or have an administrator grant it.", e.User, e.from("user"))
	}
	switch e.Code {
	case "53100", "53200", "53000":
		return "The server has run out of disk or memory. Free some and repeat the command."
	case "42601", "0A000", "42883":
		return "The server does not know this statement. PostgreSQL 13 or newer is needed; some databases that speak its protocol lack parts of it."
	case "22023":
		return "The server refuses a setting, as the message says: an encoding, for one, has to fit its locale."
	}
	return ""
}
