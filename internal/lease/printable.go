package lease

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable shows text that somebody else wrote, who may not mean well: what would move the cursor,
// end the line, colour what follows or turn its direction stands there as an escape, such as \x1b. So
// does what is no UTF-8, of which some terminals obey single bytes.
func Printable(s string) string {
	if utf8.ValidString(s) && strings.IndexFunc(s, unprintable) < 0 {
		return s
	}
	var b strings.Builder
	for at := 0; at < len(s); {
		r, size := utf8.DecodeRuneInString(s[at:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[at])
		case unprintable(r):
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		default:
			b.WriteRune(r)
		}
		at += size
	}
	return b.String()
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// Printable makes what a holder wrote fit to be shown. The ID stays: it names the lock.
func (i Info) Printable() Info {
	i.Operation, i.Info, i.Who = Printable(i.Operation), Printable(i.Info), Printable(i.Who)
	i.Version, i.Path = Printable(i.Version), Printable(i.Path)
	return i
}

// PlainID tells an ID that can be read, and given to a command as it is, from one that somebody made
// up to be neither.
func PlainID(id string) bool {
	const most = 128
	return id != "" && len(id) <= most && id[0] != '-' && strings.IndexFunc(id, odd) < 0
}

func odd(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("-_./:+@", r):
		return false
	}
	return true
}
