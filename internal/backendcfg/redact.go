package backendcfg

import (
	"fmt"
	"regexp"
	"strings"
)

var argumentName = regexp.MustCompile(`^\s*"?([A-Za-z_][A-Za-z0-9_-]*)"?\s*[=:]`)

// Redact makes a text that was found in a file fit to be shown. If somebody wrote
// a credential into it, all of the text is replaced by a line that says where: a
// value may go on over several lines in more ways than can be listed. Text that
// Render made comes back unchanged.
func Redact(text string) string {
	for i, line := range strings.Split(text, "\n") {
		if what := credentialOn(line); what != "" {
			return fmt.Sprintf("# Not shown: line %d holds a credential (%s).\n", i+1, what)
		}
	}
	if kind := credentialKind(text); kind != "" {
		return fmt.Sprintf("# Not shown: there is a credential in it (%s).\n", kind)
	}
	return text
}

// credentialOn says what makes a line secret, or "". Secret keys have no shape but
// their length, so each word is looked at by itself.
func credentialOn(line string) string {
	if m := argumentName.FindStringSubmatch(line); m != nil && secretName(m[1]) {
		return m[1]
	}
	if kind := credentialKind(line); kind != "" {
		return kind
	}
	for _, word := range strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune("\"' \t\r,=[]{}()", r) }) {
		if kind := credentialKind(word); kind != "" {
			return kind
		}
	}
	return ""
}
