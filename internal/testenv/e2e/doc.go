// Package e2e holds tests of whole flows, as a person or a CI job runs them: the real command lines
// of Terraform and OpenTofu, the provider of this checkout as it would be installed, and a real S3
// server. What they run is what the guides and the quickstart show: examples/quickstart.
package e2e
