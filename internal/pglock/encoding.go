package pglock

import "strings"

// aliases are PostgreSQL's other names of encodings, without anything but letters and digits.
var aliases = map[string]string{
	"unicode": "utf8", "mskanji": "sjis", "shiftjis": "sjis", "uhc": "uhc",
	"win950": "big5", "windows950": "big5", "win949": "uhc", "windows949": "uhc",
	"win936": "gbk", "windows936": "gbk", "win932": "sjis", "windows932": "sjis",
	"iso88591": "latin1", "iso88592": "latin2", "iso88593": "latin3", "iso88594": "latin4",
	"iso88599": "latin5", "iso885910": "latin6", "iso885913": "latin7", "iso885914": "latin8",
	"iso885915": "latin9", "iso885916": "latin10",
	"koi8": "koi8r", "alt": "win866", "win": "win1251", "vscii": "win1258", "abc": "win1258", "tcvn": "win1258", "tcvn5712": "win1258",
	"windows866": "win866", "windows874": "win874", "windows1250": "win1250", "windows1251": "win1251",
	"windows1252": "win1252", "windows1253": "win1253", "windows1254": "win1254", "windows1255": "win1255",
	"windows1256": "win1256", "windows1257": "win1257", "windows1258": "win1258",
}

// SameEncoding tells whether two names mean the same encoding to PostgreSQL: UTF8 is also written
// utf-8 or Unicode.
func SameEncoding(a, b string) bool { return cleanEncoding(a) == cleanEncoding(b) }

func cleanEncoding(name string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return -1
	}, name)
	if alias, ok := aliases[clean]; ok {
		return alias
	}
	return clean
}
