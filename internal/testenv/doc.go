// Package testenv gives tests real servers and real programs instead of mocks.
//
// A test package that uses them hands its TestMain over, so that nothing outlives the tests:
//
//	func TestMain(m *testing.M) { testenv.Main(m) }
//
// Then, in a test:
//
//	server := testenv.MinIO(t)                  // one server for all tests of the process
//	proxy := testenv.Proxy(t, server)           // records and breaks requests on the way to it
//	bucket := testenv.BucketName(t)             // a name that no other test has
//	cli := testenv.NewCLI(t, testenv.Terraform(t), dir)
//	cli.Must("init")
//
// What cannot be had fails the test with the reason; nothing is skipped. Programs are built on
// first use, which takes minutes: `go run ./internal/testenv/cmd/tools -all` does it beforehand.
//
// The parts need no testing.TB, and serve benchmarks and the quickstart too: package toolchain
// (programs), proc (processes), minio, s3proxy and tfcli.
package testenv
