package pglock

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// parseURL reads a connection URL as libpq does, and refuses what libpq would take for something
// else than it was meant. The result is by libpq's parameter names. No error repeats any part that
// may be a password in the wrong place.
func parseURL(text string) (map[string]string, error) {
	rest, ok := cutScheme(text)
	if !ok {
		return nil, urlError("is no URL such as postgres://user@host:5432/database; give the parts of another notation in the separate settings")
	}
	if strings.ContainsRune(text, 0) {
		return nil, urlError("holds a zero byte")
	}
	settings := map[string]string{}
	// As in libpq: credentials are what comes before an @ that comes before any slash.
	if i := strings.IndexAny(rest, "@/"); i >= 0 && rest[i] == '@' {
		user, password, _ := strings.Cut(rest[:i], ":")
		rest = rest[i+1:]
		if err := decodeInto(settings, map[string]string{"user": user, "password": password}); err != nil {
			return nil, err
		}
	}
	if strings.Contains(rest, "@") {
		return nil, urlError("has an @ after the host, so where its parts end is not certain; write @ as %40, / as %2F, : as %3A and % as %25 within a user name, a password or a parameter, or give the password separately")
	}
	rest, query, _ := cutQuery(rest)
	hosts, database, _ := cutHosts(rest)
	if err := parseHosts(settings, hosts); err != nil {
		return nil, err
	}
	if err := decodeInto(settings, map[string]string{"dbname": database}); err != nil {
		return nil, err
	}
	return settings, parseQuery(settings, query)
}

func urlError(problem string) error {
	return &ConfigError{Field: "postgres_url", Problem: "the URL " + problem}
}

func cutScheme(text string) (rest string, ok bool) {
	if rest, ok = strings.CutPrefix(text, "postgresql://"); ok {
		return rest, true
	}
	return strings.CutPrefix(text, "postgres://")
}

// cutQuery splits at the first question mark outside of the brackets of an IPv6 address.
func cutQuery(text string) (before, query string, found bool) {
	depth := 0
	for i := range len(text) {
		switch text[i] {
		case '[':
			depth++
		case ']':
			depth = 0
		case '?':
			if depth == 0 {
				return text[:i], text[i+1:], true
			}
		}
	}
	return text, "", false
}

// cutHosts splits at the first slash.
func cutHosts(text string) (hosts, database string, found bool) { return strings.Cut(text, "/") }

// parseHosts reads host:port, a list of them, or addresses in brackets.
func parseHosts(settings map[string]string, text string) error {
	if text == "" {
		return nil
	}
	var hosts, ports []string
	for element := range strings.SplitSeq(text, ",") {
		host, port, err := splitHost(element)
		if err != nil {
			return err
		}
		hosts, ports = append(hosts, host), append(ports, port)
	}
	settings["host"] = strings.Join(hosts, ",")
	if slices.ContainsFunc(ports, func(port string) bool { return port != "" }) {
		settings["port"] = strings.Join(ports, ",")
	}
	if settings["host"] == "" {
		delete(settings, "host")
	}
	return nil
}

func splitHost(element string) (host, port string, err error) {
	if after, ok := strings.CutPrefix(element, "["); ok {
		address, rest, ok := strings.Cut(after, "]")
		if !ok || address == "" || (rest != "" && !strings.HasPrefix(rest, ":")) {
			return "", "", urlError("has an IPv6 address that is not in brackets as in [::1]:5432")
		}
		host, port = address, strings.TrimPrefix(rest, ":")
	} else {
		host, port, _ = strings.Cut(element, ":")
	}
	if strings.Trim(port, "0123456789") != "" {
		// It may be a password: postgres://user:secret has no @.
		return "", "", urlError("has something else than a number where the port should be; an IPv6 address needs brackets, and a password with / needs it written as %2F")
	}
	decoded, err := url.PathUnescape(host)
	if err != nil || strings.ContainsRune(decoded, 0) {
		return "", "", urlError("has a % in its host that is no %-encoding")
	}
	return decoded, port, nil
}

// plainKey is what may be repeated in an error; anything else may be a piece of a password.
var plainKey = regexp.MustCompile(`^[a-z_]{1,32}$`)

func parseQuery(settings map[string]string, query string) error {
	if query == "" {
		return nil
	}
	for pair := range strings.SplitSeq(query, "&") {
		key, value, ok := strings.Cut(pair, "=")
		if !ok {
			return urlError("has a parameter without a value; parameters look like ?sslmode=verify-full&connect_timeout=10")
		}
		if key == "ssl" && value == "true" { // JDBC's spelling, which libpq takes too
			key, value = "sslmode", "require"
		}
		if !knownParameter(key) {
			if !plainKey.MatchString(key) {
				return urlError("has a parameter whose name is not one")
			}
			return urlError("has the parameter " + key + ", which is not known here; remove it")
		}
		if ignored(key) {
			continue
		}
		if _, twice := settings[key]; twice {
			return urlError("says " + key + " twice")
		}
		if err := decodeInto(settings, map[string]string{key: value}); err != nil {
			return err
		}
	}
	return nil
}

func decodeInto(settings, encoded map[string]string) error {
	for key, value := range encoded {
		decoded, err := url.PathUnescape(value)
		if err != nil || strings.ContainsRune(decoded, 0) {
			return urlError("has a % in its " + key + " that is no %-encoding; write % itself as %25")
		}
		if decoded != "" {
			settings[key] = decoded
		}
	}
	return nil
}

// ours are the parameters that are settings here as well.
var ours = []string{
	"host", "port", "user", "password", "dbname", "sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout",
}

// passedOn are the parameters that pgx understands and that have no setting here.
var passedOn = []string{
	"application_name", "options", "target_session_attrs", "passfile", "service", "servicefile",
	"sslcertmode", "sslnegotiation", "sslpassword", "sslsni", "channel_binding", "require_auth",
	"krbsrvname", "krbspn", "min_protocol_version", "max_protocol_version",
}

// ignored are the parameters of libpq that change nothing that anybody could miss.
func ignored(key string) bool {
	return strings.HasPrefix(key, "keepalives") || key == "tcp_user_timeout"
}

func knownParameter(key string) bool {
	return slices.Contains(ours, key) || slices.Contains(passedOn, key) || ignored(key)
}
