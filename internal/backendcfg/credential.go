package backendcfg

import (
	"regexp"
	"strings"
)

// Word characters around a match would make it part of something longer, such as
// a hash in upper case.
var credentialShapes = []struct {
	kind string
	re   *regexp.Regexp
}{
	{"what looks like an AWS access key ID", regexp.MustCompile(`\b(?:AKIA|ASIA)[A-Z0-9]{16}\b`)},
	{"what looks like a Scaleway access key", regexp.MustCompile(`\bSCW[A-Z0-9]{17}\b`)},
	{"a private key", regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----`)},
	{"a signed URL", regexp.MustCompile(`(?i)\bx-amz-(?:signature|credential|security-token)=`)},
	{"a URL with a user name or password", regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]*://[^/?#\s"'@]+@`)},
}

// namedCredential is one in the manner of a query or an environment file.
var namedCredential = regexp.MustCompile(`(?i)\b(?:aws_secret_access_key|aws_session_token|secret_access_key|secret_key|access_key|(?:pg|ssl)?password|conn_str|pg_conn_str)\s*[=:]\s*\S`)

// secretKeyShape is that of an AWS secret access key. Hyphens and dots, which
// keys and names have, are not in its alphabet.
var secretKeyShape = regexp.MustCompile(`^[A-Za-z0-9/+]{40}$`)

// credentialKind says what credential value looks like, or "".
func credentialKind(value string) string {
	for _, s := range credentialShapes {
		if s.re.MatchString(value) {
			return s.kind
		}
	}
	if namedCredential.MatchString(value) {
		return "a credential given as name=value"
	}
	if secretKeyShape.MatchString(value) && mixed(value) {
		return "what looks like an AWS secret access key"
	}
	return ""
}

// mixed is true for upper case, lower case and digits together, which paths and
// hexadecimal hashes do not have.
func mixed(s string) bool {
	return strings.ContainsAny(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") &&
		strings.ContainsAny(s, "abcdefghijklmnopqrstuvwxyz") &&
		strings.ContainsAny(s, "0123456789")
}

// secretNames end the names of values that are secrets by their name alone.
var secretNames = []string{"password", "passwd", "passphrase", "secret", "secret_key", "secret_access_key",
	"access_key", "private_key", "api_key", "token", "conn_str"}

// secretName is true for a name such as db_password, and false for password_policy.
func secretName(name string) bool {
	n := strings.ToLower(strings.ReplaceAll(name, "-", "_"))
	for _, s := range secretNames {
		if n == s || strings.HasSuffix(n, "_"+s) {
			return true
		}
	}
	return false
}
