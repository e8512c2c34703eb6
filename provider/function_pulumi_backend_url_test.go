package provider

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
)

func TestAccPulumiBackendURL(t *testing.T) {
	output := func(call string) string { return "output \"x\" {\n  value = provider::groundwork::" + call + "\n}\n" }
	is := func(call, want string) resource.TestStep {
		return resource.TestStep{Config: output(call), ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownOutputValue("x", knownvalue.StringExact(want)),
		}}
	}
	fails := func(call, message string) resource.TestStep {
		return resource.TestStep{Config: output(call), PlanOnly: true, ExpectError: words(message)}
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		Steps: []resource.TestStep{
			is(`pulumi_backend_url("acme-states", {})`, "s3://acme-states"),
			is(`pulumi_backend_url("acme-states", { prefix = "web/dev", region = "fr-par", endpoint = "https://s3.fr-par.scw.cloud", use_path_style = true, profile = null })`,
				"s3://acme-states/web/dev?region=fr-par&endpoint=https://s3.fr-par.scw.cloud&s3ForcePathStyle=true"),
			is(`pulumi_backend_url("acme-states", { region = "eu-west-1", endpoint = "https://s3.eu-west-1.amazonaws.com", parameters = { fips = true, rate_limiter_capacity = 20, kmskeyid = "alias/x" } })`,
				"s3://acme-states?region=eu-west-1&fips=true&kmskeyid=alias/x&rate_limiter_capacity=20"),
			is(`pulumi_backend_url("acme-states", { endpoint = "http://127.0.0.1:9000", tool_version = "3.250.0" })`,
				"s3://acme-states?endpoint=http://127.0.0.1:9000&request_checksum_calculation=when_required"),
			is(`pulumi_backend_url("pulumi_state", { scheme = "postgres", host = "db.example.org", port = 5433, table = "web", parameters = { sslmode = "verify-full" } })`,
				"postgres://db.example.org:5433/pulumi_state?table=web&sslmode=verify-full"),
			is(`pulumi_backend_url("acme-states", tomap({ region = "x" }))`, "s3://acme-states?region=x"),
			fails(`pulumi_backend_url("A", {})`, `Invalid value for "bucket" parameter: bucket is "A"`),
			fails(`pulumi_backend_url("", { scheme = "postgres" })`, `Invalid value for "bucket" parameter: database is empty`),
			fails(`pulumi_backend_url("acme-states", { regoin = "x" })`, `Invalid value for "settings" parameter: settings has no place for regoin; it takes endpoint, parameters, prefix`),
			fails(`pulumi_backend_url("acme-states", { host = "x" })`, `settings has no place for host`),
			fails(`pulumi_backend_url("acme-states", { use_path_style = "yes" })`, `use_path_style is no boolean`),
			fails(`pulumi_backend_url("acme-states", { region = 1 })`, `region is no text`),
			fails(`pulumi_backend_url("acme-states", "x")`, `settings is no object`),
			fails(`pulumi_backend_url("acme-states", { scheme = "gs" })`, `use "s3" or "postgres"`),
			fails(`pulumi_backend_url("d", { scheme = "postgres", port = 1.5 })`, `port is no whole number`),
			fails(`pulumi_backend_url("d", { scheme = "postgres", parameters = ["x"] })`, `parameters is no map of text`),
			fails(`pulumi_backend_url("d", { scheme = "postgres", parameters = { password = "hunter2" } })`, `holds a credential, by its name`),
			fails(`pulumi_backend_url("acme-states", { tool_version = "3.244.0", parameters = { fips = true } })`, `is known to Pulumi since 3.245.0, and this is for 3.244.0`),
			fails(`pulumi_backend_url("acme-states", { tool_version = "4" })`, `groundwork knows version 3`),
		},
	})
}

func TestAccParsePulumiBackendURL(t *testing.T) {
	output := func(call string) string { return "output \"x\" {\n  value = provider::groundwork::" + call + "\n}\n" }
	null, text := knownvalue.Null(), knownvalue.StringExact
	is := func(url string, want map[string]knownvalue.Check) resource.TestStep {
		all := map[string]knownvalue.Check{"parameters": knownvalue.MapExact(map[string]knownvalue.Check{})}
		for name := range pulumiURLType {
			if all[name] == nil {
				all[name] = null
			}
		}
		for name, check := range want {
			all[name] = check
		}
		return resource.TestStep{Config: output("parse_pulumi_backend_url(\"" + url + "\")"), ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownOutputValue("x", knownvalue.ObjectExact(all)),
		}}
	}
	fails := func(url, message string) resource.TestStep {
		return resource.TestStep{Config: output("parse_pulumi_backend_url(\"" + url + "\")"), PlanOnly: true, ExpectError: words(message)}
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		Steps: []resource.TestStep{
			is("s3://acme-states/web?endpoint=127.0.0.1:9000&disableSSL=true&s3ForcePathStyle=true&ssetype=aws:kms", map[string]knownvalue.Check{
				"scheme": text("s3"), "bucket": text("acme-states"), "prefix": text("web"), "endpoint": text("http://127.0.0.1:9000"),
				"use_path_style": knownvalue.Bool(true), "parameters": knownvalue.MapExact(map[string]knownvalue.Check{"ssetype": text("aws:kms")}),
				"url": text("s3://acme-states/web?endpoint=http://127.0.0.1:9000&s3ForcePathStyle=true&ssetype=aws:kms"),
			}),
			is("postgres://db:5433/states?sslmode=require", map[string]knownvalue.Check{
				"scheme": text("postgres"), "host": text("db"), "port": knownvalue.Int64Exact(5433), "database": text("states"), "table": text("pulumi_state"),
				"parameters": knownvalue.MapExact(map[string]knownvalue.Check{"sslmode": text("require")}),
				"url":        text("postgres://db:5433/states?table=pulumi_state&sslmode=require"),
			}),
			is("file://~/states", map[string]knownvalue.Check{"scheme": text("file"), "path": text("~/states"), "url": text("file://~/states")}),
			fails("https://app.pulumi.com", `is the address of a Pulumi service`),
			fails("postgres://me:hunter2@db/states", `user name or password`),
			fails("s3://acme-states?acl=x", `the parameter acl, which Pulumi does not know`),
		},
	})
}
