package backendcfg

import (
	"net/url"
	"strings"
)

// PulumiS3URL is the address that `pulumi login` and PULUMI_BACKEND_URL take for
// a state in S3. The parameters are in a fixed order, so that the address does
// not change between runs. Only scheme, host and path of endpoint are kept, which
// are all that an endpoint is made of; one without a scheme is taken to be https.
func PulumiS3URL(bucket, prefix, region, endpoint string, pathStyle bool) string {
	u := url.URL{Scheme: "s3", Host: bucket}
	if p := strings.Trim(prefix, "/"); p != "" {
		u.Path = "/" + p
	}
	var params []string
	add := func(name, value string) {
		// Colons and slashes are legal in a query, and people read these.
		value = strings.NewReplacer("%3A", ":", "%2F", "/").Replace(url.QueryEscape(value))
		params = append(params, name+"="+value)
	}
	if region != "" {
		add("region", region)
	}
	plain := false
	if endpoint != "" {
		if !strings.Contains(endpoint, "://") {
			endpoint = "https://" + endpoint
		}
		if e, err := url.Parse(endpoint); err == nil {
			plain = e.Scheme == "http"
			bare := url.URL{Scheme: e.Scheme, Host: e.Host, Path: strings.TrimSuffix(e.Path, "/")}
			add("endpoint", bare.String())
		}
	}
	if pathStyle {
		add("s3ForcePathStyle", "true")
	}
	if plain {
		add("disableSSL", "true")
	}
	u.RawQuery = strings.Join(params, "&")
	return u.String()
}
