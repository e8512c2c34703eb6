package backendcfg

import (
	"strconv"

	"go.yaml.in/yaml/v3"
)

// ReadBackProject is what backend.url of a Pulumi.yaml says; Pulumi is nil if there
// is none. An address that groundwork would not write is an error.
func ReadBackProject(src []byte, file string) (Config, error) {
	address, found, err := ProjectURL(src, file)
	if err != nil || !found {
		return Config{}, err
	}
	p, err := pulumiFrom(address)
	return Config{Pulumi: p}, err
}

// pulumiFrom keeps an address that is spelled otherwise than groundwork's as it is.
func pulumiFrom(address string) (*Pulumi, error) {
	u, err := ParsePulumiURL(address)
	if err != nil {
		return nil, err
	}
	if u.Scheme != s3Type || u.String() != address {
		return &Pulumi{URL: address}, nil
	}
	return &Pulumi{S3: &PulumiS3{Bucket: u.Bucket, Prefix: u.Prefix, Region: u.Region, Endpoint: u.Endpoint, Profile: u.Profile,
		PathStyle: u.PathStyle, Parameters: u.Parameters}}, nil
}

// ReadBackVariables is what groundwork's block in a .env file says; Pulumi is nil if
// there is no PULUMI_BACKEND_URL in it.
func ReadBackVariables(src []byte, file string) (Config, error) {
	d, err := parseDotenv(file, src)
	if err != nil || d.begin < 0 {
		return Config{}, err
	}
	got := map[string]string{}
	for _, l := range d.lines[d.begin+1 : d.end] {
		if l.name != "" {
			got[l.name] = l.value
		}
	}
	var c Config
	if address := got["PULUMI_BACKEND_URL"]; address != "" {
		if c.Pulumi, err = pulumiFrom(address); err != nil {
			return Config{}, err
		}
		c.Pulumi.PassphraseFile = got["PULUMI_CONFIG_PASSPHRASE_FILE"]
		if p := c.Pulumi.S3; p != nil {
			c.Pulumi.NoAWSVariables = got["AWS_REGION"] == "" && got["AWS_ENDPOINT_URL_S3"] == "" && p.Region+p.Endpoint != ""
		}
	}
	if host := got["PULUMI_LOCK_DB_HOST"]; host != "" {
		c.LockDatabase = &LockDatabase{Host: host, Name: got["PULUMI_LOCK_DB_NAME"], User: got["PULUMI_LOCK_DB_USER"], Scope: got["PULUMI_LOCK_SCOPE"]}
		if n, err := strconv.Atoi(got["PULUMI_LOCK_DB_PORT"]); err == nil {
			c.LockDatabase.Port = n
		}
		if n, err := strconv.Atoi(got["PULUMI_LOCK_TIMEOUT"]); err == nil {
			c.LockDatabase.TimeoutSeconds = &n
		}
	}
	return c, nil
}

// CreatedProject is true for a Pulumi.yaml that holds no more than what groundwork
// creates one with.
func CreatedProject(src []byte) bool {
	var p struct {
		Name        string `yaml:"name"`
		Runtime     string `yaml:"runtime"`
		Description string `yaml:"description"`
	}
	if len(src) > maxSourceBytes || yaml.Unmarshal(src, &p) != nil {
		return false
	}
	return string(src) == PulumiProject{Name: p.Name, Runtime: p.Runtime, Description: p.Description}.Text()
}
