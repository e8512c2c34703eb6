package lease

import (
	"encoding/json"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/hashicorp/go-uuid"
)

// Complete fills what every lock should say: an ID, who takes it and when. What is set stays.
func (i Info) Complete() (Info, error) {
	if i.ID == "" {
		id, err := uuid.GenerateUUID()
		if err != nil {
			return Info{}, err
		}
		i.ID = id
	}
	if i.Who == "" {
		i.Who = whoami()
	}
	if i.Created.IsZero() {
		i.Created = time.Now().UTC()
	}
	return i, nil
}

// whoami is user@host, as Terraform writes it.
func whoami() string {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if host, err := os.Hostname(); err == nil {
		name += "@" + host
	}
	return name
}

// document is Info with the whole name of a lock whose name the store had to shorten.
type document struct {
	Info
	Name string `json:",omitempty"`
}

// Encode writes Info as the JSON that stands in a table. The name is added where the table holds
// only a hash of it; otherwise it is empty.
func (i Info) Encode(name string) (string, error) {
	text, err := json.Marshal(document{Info: i, Name: name})
	return string(text), err
}

// Decode reads what stands in a table. Anybody may have written it: what is no such JSON gives the
// zero Info, and its texts are made Printable. The name is what Encode was given.
func Decode(text string) (info Info, name string) {
	var d document
	if !strings.HasPrefix(strings.TrimSpace(text), "{") || json.Unmarshal([]byte(text), &d) != nil {
		return Info{}, ""
	}
	return d.Printable(), d.Name
}
