package guard

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
)

// fileName keeps a key readable and safe as a relative path on every system. Current versions are
// under objects/, superseded ones under versions/<key>/<version>.
func fileName(v s3store.Version) string {
	parts := strings.Split(v.Key, "/")
	for i, p := range parts {
		parts[i] = escapeSegment(p)
	}
	name := strings.Join(parts, "/")
	if v.IsLatest {
		return "objects/" + name
	}
	return "versions/" + name + "/" + escapeSegment(v.ID)
}

// longestSegment leaves room below the 255 bytes that file systems allow.
const longestSegment = 200

// escapeSegment writes what is special somewhere as %XX. No two segments give the same: '%' itself
// is escaped, and '~' stands in shortened ones only.
func escapeSegment(s string) string {
	if s == "" {
		return "%"
	}
	var b strings.Builder
	for i := range len(s) {
		ch := s[i]
		plain := ch >= 'a' && ch <= 'z' || ch >= 'A' && ch <= 'Z' || ch >= '0' && ch <= '9' || strings.IndexByte("._-", ch) >= 0
		if i == 0 && (isDevice(s) || s == "." || s == "..") || i == len(s)-1 && ch == '.' {
			plain = false // Windows drops a dot at the end, and opens devices by name
		}
		if plain {
			b.WriteByte(ch)
		} else {
			fmt.Fprintf(&b, "%%%02X", ch)
		}
	}
	if b.Len() > longestSegment {
		sum := sha256.Sum256([]byte(s))
		return b.String()[:longestSegment/2] + "~" + hex.EncodeToString(sum[:])
	}
	return b.String()
}

// isDevice recognises the names that Windows reserves, with any extension and in any case.
func isDevice(s string) bool {
	base, _, _ := strings.Cut(strings.ToLower(s), ".")
	switch base {
	case "con", "prn", "aux", "nul":
		return true
	}
	port, found := strings.CutPrefix(base, "com")
	if !found {
		port, found = strings.CutPrefix(base, "lpt")
	}
	return found && len(port) == 1 && port[0] >= '0' && port[0] <= '9'
}
