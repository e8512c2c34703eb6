package backendcfg

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The formats for Pulumi, and for whatever reads variables. Both are edited inside a
// file that may hold more.
const (
	// FormatPulumiProject is backend.url in a Pulumi.yaml.
	FormatPulumiProject Format = "pulumi_project"
	// FormatDotenv is variables in a .env file.
	FormatDotenv Format = "dotenv"
)

// Pulumi is where the states of Pulumi's stacks are.
type Pulumi struct {
	// URL is the address if S3 is nil.
	URL string
	S3  *PulumiS3
	// SecretsProvider is what new stacks are to encrypt with, such as awskms://alias/x;
	// it is a comment in a .env file, since Pulumi takes it on the command line only.
	SecretsProvider string
	// PassphraseFile is the path of the file that holds the passphrase.
	PassphraseFile string
	// NoAWSVariables leaves AWS_REGION and AWS_ENDPOINT_URL_S3 out of a .env file, where they
	// would also move what the programs themselves do with S3.
	NoAWSVariables bool
	// Project is for a Pulumi.yaml that does not exist yet.
	Project *PulumiProject
}

// LockDatabase is where `groundwork exec` keeps its locks; the password comes from
// the environment.
type LockDatabase struct {
	Host, Name, User string
	// Port is left out when 0, and TimeoutSeconds when nil.
	Port           int
	TimeoutSeconds *int
	// Scope is stack or backend; left out when empty.
	Scope string
}

// secretsProviders are the ones that `pulumi stack init --secrets-provider` takes.
var secretsProviders = []string{"default", "passphrase", "awskms", "azurekeyvault", "gcpkms", "hashivault"}

const pulumiPrefix = "pulumi."

// pulumiURL is the checked address.
func (p Pulumi) pulumiURL() (string, error) {
	if p.S3 != nil {
		return p.S3.URL()
	}
	if p.URL == "" {
		return "", &FieldError{Field: "url", Reason: "is empty; write the address, or name a bucket"}
	}
	if _, err := ParsePulumiURL(p.URL); err != nil {
		return "", err
	}
	return p.URL, nil
}

// PulumiURL is the address that c says. Errors name fields of pulumi.
func (c Config) PulumiURL() (string, error) {
	text, err := c.Pulumi.pulumiURL()
	return text, inPulumi(err)
}

// inPulumi names the field of an error as one of pulumi.
func inPulumi(err error) error {
	switch e := err.(type) { //nolint:errorlint // both come from this package, unwrapped
	case *FieldError:
		return &FieldError{Field: pulumiPrefix + e.Field, Reason: e.Reason}
	case *CredentialError:
		return &CredentialError{Field: pulumiPrefix + e.Field, Kind: e.Kind}
	}
	return err
}

func (p Pulumi) validate() error {
	if _, err := p.pulumiURL(); err != nil {
		return inPulumi(err)
	}
	for _, f := range []struct{ name, value string }{
		{"secrets_provider", p.SecretsProvider}, {"passphrase_file", p.PassphraseFile},
	} {
		if err := checkText(pulumiPrefix+f.name, f.value); err != nil {
			return err
		}
	}
	if name, _, _ := strings.Cut(p.SecretsProvider, "://"); p.SecretsProvider != "" && !slices.Contains(secretsProviders, name) {
		return &FieldError{Field: pulumiPrefix + "secrets_provider", Reason: fmt.Sprintf("is of a kind that Pulumi does not know; it knows %s", strings.Join(secretsProviders, ", "))}
	}
	if p.Project != nil {
		return p.Project.validate()
	}
	return nil
}

func (l *LockDatabase) validate() error {
	if l == nil {
		return nil
	}
	refuse := func(field, format string, a ...any) error {
		return &FieldError{Field: "lock_database." + field, Reason: fmt.Sprintf(format, a...)}
	}
	switch {
	case l.Host == "":
		return refuse("host", "is empty; name the server")
	case l.Port < 0 || l.Port > 65535:
		return refuse("port", "is %d; a port is a number from 1 to 65535", l.Port)
	case l.TimeoutSeconds != nil && *l.TimeoutSeconds < 0:
		return refuse("timeout", "is %d; use 0 or more seconds", *l.TimeoutSeconds)
	case l.Scope != "" && l.Scope != "stack" && l.Scope != "backend":
		return refuse("scope", "is %q; use \"stack\" or \"backend\"", l.Scope)
	}
	for _, f := range []struct{ name, value string }{{"host", l.Host}, {"name", l.Name}, {"user", l.User}} {
		if err := checkText("lock_database."+f.name, f.value); err != nil {
			return err
		}
	}
	return nil
}

// CheckFormat refuses settings that have no place in a format.
func (c Config) CheckFormat(f Format) error {
	refuse := func(field, reason string) error { return &FieldError{Field: field, Reason: reason} }
	switch {
	case f == FormatPulumiProject && c.Pulumi == nil:
		return refuse("pulumi", "is missing: a Pulumi.yaml (format = \"pulumi_project\") says where Pulumi's states are")
	case (f == FormatTerraform || f == FormatTFBackend) && c.Pulumi != nil:
		return refuse("pulumi", fmt.Sprintf("has no place in the format %q; use \"pulumi_project\" or \"dotenv\"", f))
	case f == FormatDotenv && c.Pulumi == nil && (c.PG != nil || c.HTTP != nil):
		return refuse("format", fmt.Sprintf("is %q, and a backend of type %s has no variables that are not credentials; use it with pulumi or s3", f, c.Type()))
	case c.LockDatabase != nil && f != FormatDotenv:
		return refuse("lock_database", "has a place in a .env file only (format = \"dotenv\")")
	case len(c.RemoteStates) > 0 && f != FormatTerraform:
		return refuse("remote_states", fmt.Sprintf("cannot stand in the format %q; use format = \"terraform\", or leave remote_states out", f))
	}
	return nil
}

// Variables are those of a .env file, in the order in which they are written.
// Errors are as of RenderVariables and Validate.
func (c Config) Variables() ([]Variable, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	var out []Variable
	add := func(name, value string) {
		if value != "" {
			out = append(out, Variable{name, value})
		}
	}
	if p := c.Pulumi; p != nil {
		address, err := c.PulumiURL()
		if err != nil {
			return nil, err
		}
		// Legal in an address, and read in more than one way in a .env file.
		add("PULUMI_BACKEND_URL", strings.NewReplacer("$", "%24", "'", "%27").Replace(address))
		add("PULUMI_CONFIG_PASSPHRASE_FILE", p.PassphraseFile)
		if p.SecretsProvider != "" {
			add("", "A new stack: pulumi stack init NAME --secrets-provider='"+p.SecretsProvider+"'")
		}
		if p.S3 != nil && !p.NoAWSVariables {
			add("AWS_REGION", p.S3.Region)
			add("AWS_ENDPOINT_URL_S3", withScheme(p.S3.Endpoint))
		}
	} else {
		add("AWS_REGION", c.S3.Region)
		add("AWS_ENDPOINT_URL_S3", c.S3.Endpoint)
		add("AWS_PROFILE", c.S3.Profile)
		if needsChecksumEnvironment(c) {
			for _, v := range []string{requestChecksum, responseChecksum} {
				name, value, _ := strings.Cut(v, "=")
				add(name, value)
			}
		}
	}
	if l := c.LockDatabase; l != nil {
		add("PULUMI_LOCK_DB_HOST", l.Host)
		if l.Port != 0 {
			add("PULUMI_LOCK_DB_PORT", strconv.Itoa(l.Port))
		}
		add("PULUMI_LOCK_DB_NAME", l.Name)
		add("PULUMI_LOCK_DB_USER", l.User)
		if l.TimeoutSeconds != nil {
			add("PULUMI_LOCK_TIMEOUT", strconv.Itoa(*l.TimeoutSeconds))
		}
		add("PULUMI_LOCK_SCOPE", l.Scope)
	}
	if len(out) == 0 {
		return nil, &FieldError{Field: "format", Reason: "is \"dotenv\", and these settings need no variables: AWS finds the bucket by itself; set s3.region, or leave the file out"}
	}
	return out, nil
}

// RenderProject renders what is managed in a Pulumi.yaml.
func RenderProject(c Config) ([]byte, error) {
	if err := c.CheckFormat(FormatPulumiProject); err != nil {
		return nil, err
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	address, err := c.PulumiURL()
	if err != nil {
		return nil, err
	}
	return []byte(ProjectFragment(address)), nil
}

// RenderDotenv renders the lines that are managed in a .env file.
func RenderDotenv(c Config) ([]byte, error) {
	if err := c.CheckFormat(FormatDotenv); err != nil {
		return nil, err
	}
	variables, err := c.Variables()
	if err != nil {
		return nil, err
	}
	text, err := RenderVariables(variables)
	return []byte(text), err
}
