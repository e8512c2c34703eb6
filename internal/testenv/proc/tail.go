package proc

import (
	"strings"
	"sync"
)

const (
	tailKept  = 64 << 10
	tailShown = 4 << 10
)

// tailBuffer keeps the end of what is written to it.
type tailBuffer struct {
	secrets []string

	mu   sync.Mutex
	data []byte
}

// Write implements io.Writer and never fails.
func (b *tailBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.data = append(b.data, p...)
	if extra := len(b.data) - tailKept; extra > 0 {
		b.data = append(b.data[:0], b.data[extra:]...)
	}
	return len(p), nil
}

// String returns the last lines. Secrets go before the text is cut, so that no half of one stays.
func (b *tailBuffer) String() string {
	b.mu.Lock()
	text := string(b.data)
	b.mu.Unlock()
	for _, secret := range b.secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "(secret)")
		}
	}
	if extra := len(text) - tailShown; extra > 0 {
		text = text[extra:]
		if _, rest, ok := strings.Cut(text, "\n"); ok {
			text = rest
		}
	}
	return strings.TrimSpace(strings.ToValidUTF8(text, "\uFFFD"))
}
