package pglock

import (
	"context"
	"strings"
)

// Record writes a text about a broken lease into the log of the server, for which every role has the
// right, and which needs no table.
func (s *LeaseStore) Record(ctx context.Context, text string) error {
	const op = "record a broken lease in the server's log"
	_, err := s.db.pool.Exec(ctx, LogStatement(text))
	return s.db.wrap(op, err)
}

// LogStatement writes a text into the log of the server.
func LogStatement(text string) string {
	message := "groundwork: " + strings.Join(strings.Fields(text), " ")
	return "DO LANGUAGE plpgsql " + literal("BEGIN RAISE LOG '%', "+literal(message)+"; END")
}

// literal quotes a text, also for a server that reads backslashes.
func literal(text string) string {
	return " E'" + strings.NewReplacer(`\`, `\\`, `'`, `''`, "\x00", "").Replace(text) + "'"
}
