package backendcfg

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
)

const (
	httpType   = "http"
	httpPrefix = "http."
)

// httpNames are the arguments that the http backend alone has.
var httpNames = []string{"address", "update_method", "lock_address", "lock_method", "unlock_address", "unlock_method",
	"username", "password", "skip_cert_verification", "retry_max", "retry_wait_min", "retry_wait_max",
	"client_ca_certificate_pem", "client_certificate_pem", "client_private_key_pem", "headers"}

// HTTP is where a state is, behind a REST address. It has no room for a user, a
// password or a client's key: the tools read them from TF_HTTP_USERNAME,
// TF_HTTP_PASSWORD and TF_HTTP_CLIENT_PRIVATE_KEY_PEM.
type HTTP struct {
	Address string
	// UpdateMethod is POST when empty.
	UpdateMethod string
	// LockAddress switches locking on; without it nothing locks the state.
	LockAddress string
	// LockMethod is LOCK when empty.
	LockMethod    string
	UnlockAddress string
	// UnlockMethod is UNLOCK when empty.
	UnlockMethod         string
	SkipCertVerification bool
	// The three are left out when nil: 2 retries, and waits of 1 to 30 seconds.
	RetryMax, RetryWaitMin, RetryWaitMax *int
}

// httpSettings is the place that r reads from.
func (r RemoteState) httpSettings(base HTTP) HTTP {
	if r.HTTP != nil {
		return *r.HTTP
	}
	return base
}

func httpArguments(h HTTP) [][]argument {
	read := httpReadArguments(h)
	var update, lock arguments
	update.text("update_method", h.UpdateMethod)
	lock.text("lock_address", h.LockAddress)
	lock.text("lock_method", h.LockMethod)
	lock.text("unlock_address", h.UnlockAddress)
	lock.text("unlock_method", h.UnlockMethod)
	return [][]argument{append(read[0], update...), lock, read[1]}
}

// httpReadArguments are those that a reader of the state needs as well.
func httpReadArguments(h HTTP) [][]argument {
	var names, client arguments
	names.text("address", h.Address)
	client.flag("skip_cert_verification", h.SkipCertVerification)
	for _, n := range []struct {
		name  string
		value *int
	}{{"retry_max", h.RetryMax}, {"retry_wait_min", h.RetryWaitMin}, {"retry_wait_max", h.RetryWaitMax}} {
		if n.value != nil {
			client = append(client, argument{n.name, cty.NumberIntVal(int64(*n.value))})
		}
	}
	return [][]argument{names, client}
}

var httpHeader = []string{
	"Commit it: it holds no credentials. Those come from the environment, as",
	"TF_HTTP_USERNAME and TF_HTTP_PASSWORD.",
}

func (c Config) validateHTTP() error {
	if c.Lock.Mode != "" || c.Lock.DynamoDBTable != "" {
		return &FieldError{Field: "lock", Reason: "does not apply to the http backend, which locks where http.lock_address says so; leave it out"}
	}
	return c.HTTP.validate(httpPrefix)
}

// validate checks h; prefix comes before the names of fields in errors.
func (h HTTP) validate(prefix string) error {
	refuse := func(field, reason string) error { return &FieldError{Field: prefix + field, Reason: reason} }
	if h.Address == "" {
		return refuse("address", "is empty; write the URL of the state")
	}
	for _, f := range []struct{ name, value string }{
		{"address", h.Address}, {"lock_address", h.LockAddress}, {"unlock_address", h.UnlockAddress},
	} {
		if err := validateAddress(prefix+f.name, f.value); err != nil {
			return err
		}
	}
	for _, f := range []struct{ name, value string }{
		{"update_method", h.UpdateMethod}, {"lock_method", h.LockMethod}, {"unlock_method", h.UnlockMethod},
	} {
		if f.value != "" && strings.Trim(f.value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" {
			return refuse(f.name, fmt.Sprintf("is %q; an HTTP method is in upper-case letters, such as PUT", f.value))
		}
	}
	if h.LockAddress == "" && (h.UnlockAddress != "" || h.LockMethod != "" || h.UnlockMethod != "") {
		return refuse("lock_address", "is missing, and nothing is locked without it; set it, or leave the other settings of the lock out")
	}
	if h.LockAddress != "" && h.UnlockAddress == "" {
		return refuse("unlock_address", "is missing beside lock_address: a lock that is taken would never be released")
	}
	for _, n := range []struct {
		name  string
		value *int
	}{{"retry_max", h.RetryMax}, {"retry_wait_min", h.RetryWaitMin}, {"retry_wait_max", h.RetryWaitMax}} {
		if n.value != nil && *n.value < 0 {
			return refuse(n.name, fmt.Sprintf("is %d; use 0 or more", *n.value))
		}
	}
	if h.RetryWaitMin != nil && h.RetryWaitMax != nil && *h.RetryWaitMin > *h.RetryWaitMax {
		return refuse("retry_wait_min", "is longer than retry_wait_max")
	}
	return nil
}

// validateAddress checks a URL that may have a query; empty is allowed. Errors
// never quote it, since it may carry a token.
func validateAddress(field, address string) error {
	if address == "" {
		return nil
	}
	if err := checkText(field, address); err != nil {
		return err
	}
	const write = "write it like https://states.example.org/dev/infra"
	u, err := url.Parse(address)
	if err != nil {
		return &FieldError{Field: field, Reason: "is no URL; " + write}
	}
	values, err := url.ParseQuery(u.RawQuery)
	switch {
	case err != nil:
		return &FieldError{Field: field, Reason: "has a query that cannot be read; " + write}
	case u.User != nil:
		return &CredentialError{Field: field, Kind: "a URL with a user name or password"}
	case u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return &FieldError{Field: field, Reason: "has no http:// or https:// and host; " + write}
	case u.Fragment != "":
		return &FieldError{Field: field, Reason: "has a fragment (#), which is never sent; " + write}
	}
	for name, all := range values {
		if secretName(name) {
			return &CredentialError{Field: field, Kind: "a parameter that is a credential by its name"}
		}
		if slices.ContainsFunc(all, func(v string) bool { return credentialKind(v) != "" }) {
			return &CredentialError{Field: field, Kind: "a parameter that looks like a credential"}
		}
	}
	return nil
}

// httpWarnings: without an address for locks there are none.
func (h HTTP) httpWarnings() []Warning {
	var out []Warning
	if h.LockAddress == "" {
		out = append(out, Warning{"http_unlocked", "Nothing locks this state, since http.lock_address is not set: two runs at once can overwrite each other's work. " +
			"Set it where the server locks, or serialise runs with `groundwork exec`, or in CI."})
	}
	if h.SkipCertVerification {
		out = append(out, Warning{"http_unverified", "Whoever stands between the tool and the server can read and change this state, since http.skip_cert_verification is set. " +
			"Give the server's certificate authority in TF_HTTP_CLIENT_CA_CERTIFICATE_PEM instead."})
	}
	return out
}

// http reads a backend's arguments back. Credentials are not among them.
func (in values) http() *HTTP {
	return &HTTP{
		Address: in.text("address"), UpdateMethod: in.text("update_method"),
		LockAddress: in.text("lock_address"), LockMethod: in.text("lock_method"),
		UnlockAddress: in.text("unlock_address"), UnlockMethod: in.text("unlock_method"),
		SkipCertVerification: in.isSet("skip_cert_verification"),
		RetryMax:             in.number("retry_max"), RetryWaitMin: in.number("retry_wait_min"), RetryWaitMax: in.number("retry_wait_max"),
	}
}
