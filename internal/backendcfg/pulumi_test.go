package backendcfg

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-version"
)

func pulumiVersion(t testing.TB, s string) *version.Version {
	t.Helper()
	v, err := ParsePulumiVersion(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestPulumiS3(t *testing.T) {
	minio := PulumiS3{Bucket: "states", Region: "us-east-1", Endpoint: "http://127.0.0.1:9000", PathStyle: true}
	with := func(p PulumiS3, v string, parameters map[string]string) PulumiS3 {
		p.Version, p.Parameters = pulumiVersion(t, v), parameters
		return p
	}
	const place = "s3://states?region=us-east-1&endpoint=http://127.0.0.1:9000&s3ForcePathStyle=true"
	for name, tt := range map[string]struct {
		settings PulumiS3
		want     string
	}{
		"any version":            {minio, place},
		"version 1 of the SDK":   {with(minio, "3.244.0", nil), place},
		"sends checksums":        {with(minio, "3.245.0", nil), place + "&request_checksum_calculation=when_required"},
		"still sends checksums":  {with(minio, "v3.255.0", nil), place + "&request_checksum_calculation=when_required"},
		"asks for them":          {with(minio, "3.250.1", map[string]string{"request_checksum_calculation": "when_supported"}), place + "&request_checksum_calculation=when_supported"},
		"sends no checksum":      {with(minio, "3.256.0", nil), place + "&request_checksum_calculation=when_supported"},
		"does so by itself":      {with(minio, "3.258.0", nil), place},
		"AWS":                    {with(PulumiS3{Bucket: "states", Region: "eu-west-1"}, "3.250.0", nil), "s3://states?region=eu-west-1"},
		"parameters":             {with(minio, "3.258.0", map[string]string{"kmskeyid": "alias/a b", "fips": "true"}), place + "&fips=true&kmskeyid=alias/a+b"},
		"old parameters":         {with(minio, "3.200.0", map[string]string{"ssetype": "aws:kms"}), place + "&ssetype=aws:kms"},
		"prefix with characters": {PulumiS3{Bucket: "states", Prefix: "/a b/c?d#e/%f/"}, "s3://states/a%20b/c%3Fd%23e/%25f"},
		"profile":                {PulumiS3{Bucket: "states", Profile: "a&b=c"}, "s3://states?profile=a%26b%3Dc"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := tt.settings.URL()
			if err != nil || got != tt.want {
				t.Errorf("got  %s\nwant %s\n%v", got, tt.want, err)
			}
		})
	}
}

func TestPulumiS3Refuses(t *testing.T) {
	for name, tt := range map[string]struct {
		settings PulumiS3
		message  string
	}{
		"no bucket":            {PulumiS3{}, "bucket is empty"},
		"no bucket's name":     {PulumiS3{Bucket: "a/b"}, "bucket is \"a/b\""},
		"two slashes":          {PulumiS3{Bucket: "states", Prefix: "a//b"}, "prefix is \"a//b\""},
		"no endpoint":          {PulumiS3{Bucket: "states", Endpoint: "ftp://x"}, "endpoint has no http"},
		"user in the endpoint": {PulumiS3{Bucket: "states", Endpoint: "u:hunter2@h"}, "endpoint holds a URL with a user name"},
		"newline":              {PulumiS3{Bucket: "states", Region: "a\nb"}, "region holds a control character"},
		"unknown":              {PulumiS3{Bucket: "states", Parameters: map[string]string{"acl": "x"}}, "is not known to Pulumi"},
		"the SDK's version":    {PulumiS3{Bucket: "states", Parameters: map[string]string{"awssdk": "v2"}}, "is not known to Pulumi"},
		"one of our own":       {PulumiS3{Bucket: "states", Parameters: map[string]string{"disableSSL": "true"}}, "set endpoint"},
		"too new":              {PulumiS3{Bucket: "states", Version: pulumiVersion(t, "3.244.0"), Parameters: map[string]string{"request_checksum_calculation": "when_required"}}, "since 3.245.0, and this is for 3.244.0"},
		"loses others":         {PulumiS3{Bucket: "states", Version: pulumiVersion(t, "3.250.0"), Parameters: map[string]string{"role": "arn:aws:iam::1:role/x"}}, "since 3.256.0"},
		"no boolean":           {PulumiS3{Bucket: "states", Parameters: map[string]string{"fips": "maybe"}}, "use true or false"},
		"no number":            {PulumiS3{Bucket: "states", Parameters: map[string]string{"rate_limiter_capacity": "-1"}}, "whole number"},
		"no role":              {PulumiS3{Bucket: "states", Parameters: map[string]string{"role": "x"}}, "ARN"},
		"no mode":              {PulumiS3{Bucket: "states", Parameters: map[string]string{"response_checksum_validation": "off"}}, "when_supported, when_required"},
		"a key":                {PulumiS3{Bucket: "states", Parameters: map[string]string{"kmskeyid": "AKIAIOSFODNN7EXAMPLE"}}, "access key ID"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := tt.settings.URL()
			if err == nil || !strings.Contains(err.Error(), tt.message) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
	for _, s := range []string{"x", "4.0.0", "2.1.0"} {
		if _, err := ParsePulumiVersion(s); !errors.As(err, new(*FieldError)) {
			t.Errorf("version %s: %v", s, err)
		}
	}
}

func TestPulumiPostgres(t *testing.T) {
	for want, p := range map[string]PulumiPostgres{
		"postgres:///states":                           {Database: "states"},
		"postgres://db.example.org:5433/states":        {Host: "db.example.org", Port: 5433, Database: "states"},
		"postgres://[::1]:5432/a%20b?sslmode=disable":  {Host: "::1", Port: 5432, Database: "a b", Parameters: map[string]string{"sslmode": "disable"}},
		"postgres://db/states?table=t1&search_path=ci": {Host: "db", Database: "states", Table: "t1", Parameters: map[string]string{"search_path": "ci"}},
	} {
		got, err := p.URL()
		if err != nil || got != want {
			t.Errorf("got  %s\nwant %s\n%v", got, want, err)
		}
	}
	for message, p := range map[string]PulumiPostgres{
		"database is empty":                     {Host: "db"},
		"port is 70000":                         {Database: "d", Port: 70000},
		"host is \"u@h\"":                       {Database: "d", Host: "u@h"},
		"table is \"ci.states\"":                {Database: "d", Table: "ci.states"},
		"table is \"States\"":                   {Database: "d", Table: "States"},
		"is a setting of its own":               {Database: "d", Parameters: map[string]string{"table": "x"}},
		"holds a credential, by its name":       {Database: "d", Parameters: map[string]string{"password": "hunter2"}},
		"parameters[\"USER\"]":                  {Database: "d", Parameters: map[string]string{"USER": "u"}},
		"tool_version is 3.100.0":               {Database: "d", Version: pulumiVersion(t, "3.100.0")},
		"table is \"" + strings.Repeat("t", 49): {Database: "d", Table: strings.Repeat("t", 49)},
	} {
		got, err := p.URL()
		if err == nil || !strings.Contains(err.Error(), message) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %q, %v", message, got, err)
		}
	}
}

func TestParsePulumiURL(t *testing.T) {
	none := map[string]string{}
	for raw, want := range map[string]PulumiURL{
		"s3://states": {Scheme: "s3", Bucket: "states", Parameters: none},
		"s3://states/a%20b/?region=fr-par&endpoint=s3.fr-par.scw.cloud&use_path_style=1&profile=p&kmskeyid=k&awssdk=v2": {
			Scheme: "s3", Bucket: "states", Prefix: "a b", Region: "fr-par", Endpoint: "https://s3.fr-par.scw.cloud", Profile: "p", PathStyle: true,
			Parameters: map[string]string{"kmskeyid": "k"}},
		"s3://states?endpoint=127.0.0.1:9000&disableSSL=true&s3ForcePathStyle=true": {
			Scheme: "s3", Bucket: "states", Endpoint: "http://127.0.0.1:9000", PathStyle: true, Parameters: none},
		"s3://states?endpoint=https://h/&disableSSL=true": {Scheme: "s3", Bucket: "states", Endpoint: "https://h", Parameters: none},
		"postgres://db:5433/states?sslmode=require": {
			Scheme: "postgres", Host: "db", Port: 5433, Database: "states", Table: "pulumi_state", Parameters: map[string]string{"sslmode": "require"}},
		"postgres:///d?table=t&host=/run/pg": {Scheme: "postgres", Database: "d", Table: "t", Parameters: map[string]string{"host": "/run/pg"}},
		"gs://states/p":                      {Scheme: "gs", Bucket: "states", Prefix: "p", Parameters: none},
		"azblob://box?storage_account=x":     {Scheme: "azblob", Bucket: "box", Parameters: map[string]string{"storage_account": "x"}},
		"file://~":                           {Scheme: "file", Path: "~", Parameters: none},
		"file:///var/lib/x?no_tmp_dir=true":  {Scheme: "file", Path: "/var/lib/x", Parameters: map[string]string{"no_tmp_dir": "true"}},
	} {
		got, err := ParsePulumiURL(raw)
		if err != nil {
			t.Errorf("%s: %v", raw, err)
			continue
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", raw, d)
		}
		again, err := ParsePulumiURL(got.String())
		if d := cmp.Diff(want, again); d != "" || err != nil {
			t.Errorf("%s, written as %s: %v %s", raw, got, err, d)
		}
	}
}

func TestParsePulumiURLRefuses(t *testing.T) {
	for raw, message := range map[string]string{
		"":                                           "is no URL",
		"states":                                     "is no URL",
		"https://app.pulumi.com":                     "a Pulumi service",
		"postgresql://db/x":                          "write postgres://",
		"mem://":                                     "keeps no states under",
		"s3://":                                      "url is empty; name the bucket",
		"s3://key:hunter2@states":                    "user name or password",
		"postgres://me@db/x":                         "user name or password",
		"postgres://db/x?password=hunter2":           "given as name=value",
		"postgres://db/x?sslpassword=hunter2":        "given as name=value",
		"postgres://db/x?db_password=x":              "holds",
		"postgres://db/x?user=x":                     "credential by its name",
		"postgres://db/":                             "names no database",
		"postgres://db:0/x":                          "port",
		"postgres://db/x?table=a;drop":               "url has a query that cannot be read",
		"postgres://db/x?table=A":                    "the parameter table",
		"s3://states?acl=x":                          "the parameter acl, which Pulumi does not know",
		"s3://states?region=a&region=b":              "the parameter region several times",
		"s3://states?region=":                        "without a name or a value",
		"s3://states?fips=x":                         "use true or false",
		"s3://states?endpoint=ftp://x":               "url has no http",
		"s3://states?endpoint=http://u:p@h":          "user name or password",
		"s3://states?x-amz-signature=hunter2":        "signed URL",
		"s3://states#x":                              "holds #",
		"s3://a..b":                                  "dots must not be adjacent",
		"s3://states/a//b":                           "contains //",
		"s3://states?profile=%41KIAIOSFODNN7EXAMPLE": "access key ID",
		"s3://states?%zz":                            "cannot be read",
		"s3://st%ates":                               "is no URL",
		"gs://":                                      "names no bucket",
		"file://":                                    "names no directory",
		"s3://states\n":                              "control character",
	} {
		got, err := ParsePulumiURL(raw)
		if err == nil || !strings.Contains(err.Error(), message) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: got %+v, %v", raw, got, err)
		}
	}
}

func TestPulumiWarnings(t *testing.T) {
	for v, want := range map[string]string{
		"3.244.0": "", "3.245.0": "pulumi_version_broken", "3.246.0": "pulumi_version_checksums", "3.255.0": "pulumi_version_checksums",
		"3.256.0": "pulumi_version_digest", "3.257.0": "pulumi_version_digest", "3.258.0": "", "latest": "",
	} {
		got := ""
		for _, w := range PulumiWarnings(pulumiVersion(t, v), "https://s3.example.org") {
			got += w.Code
		}
		if got != want {
			t.Errorf("%s: %q", v, got)
		}
		if PulumiWarnings(pulumiVersion(t, v), "") != nil {
			t.Errorf("%s warns on AWS", v)
		}
	}
	if old := PulumiParameterNames(pulumiVersion(t, "3.244.0")); !slices.Equal(old, []string{"kmskeyid", "ssetype"}) {
		t.Error(old)
	}
}

// FuzzPulumiURL: what is read is written so that it reads the same, and holds no credential.
func FuzzPulumiURL(f *testing.F) {
	for _, s := range []string{
		anAddress, "s3://states/a b?endpoint=x:1&disableSSL=true", "postgres://[::1]:5432/d?table=t&sslmode=disable", "file://~/x?a=b", "gs://b/p", "azblob://c",
		"s3://states?endpoint=http://h/p/&rate_limiter_capacity=1", "s3://states/%2F", "s3://states/a%2fb", "postgres:///%00", "s3://states?profile=%0a", "postgres://h%41/x", "file://?x=y",
		"s3://states?s3ForcePathStyle=false&use_path_style=true", "gs://b:1/x", "postgres://a:b/c",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := ParsePulumiURL(raw)
		if err != nil {
			if !errors.As(err, new(*FieldError)) && !errors.As(err, new(*CredentialError)) {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		text := u.String()
		again, err := ParsePulumiURL(text)
		if err != nil {
			t.Fatalf("%q is written as %q: %v", raw, text, err)
		}
		if d := cmp.Diff(u, again); d != "" {
			t.Fatalf("%q is written as %q: %s", raw, text, d)
		}
		if text != again.String() {
			t.Fatalf("%q, then %q", text, again.String())
		}
	})
}
