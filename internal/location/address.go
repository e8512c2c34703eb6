package location

import (
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"
)

// withoutCredentials is an address without user, query and fragment, empty if it cannot be read.
func withoutCredentials(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" {
		return ""
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return strings.TrimSuffix(u.String(), "/")
}

// databaseOf is the database that a connection string names, as the driver reads it. PG* variables
// count, too.
func databaseOf(connStr string) string {
	c, err := pgx.ParseConfig(connStr)
	if err != nil {
		return "" // the driver's error may repeat the string, with the password in it
	}
	if c.Database == "" {
		return c.User // as PostgreSQL does
	}
	return c.Database
}
