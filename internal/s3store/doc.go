// Package s3store is groundwork's one client for every S3-compatible service.
//
// It knows the services by profile, finds out what a live endpoint really does (Probe), reads
// and reconciles the settings of a state bucket, lists and copies objects and versions, and
// purges a bucket. It takes and returns plain Go values and knows no plugin framework.
//
// "This service cannot do that" has several spellings (501 NotImplemented, 405 MethodNotAllowed,
// 400 MalformedXML or InvalidArgument, 200 with another call's answer), so every refusal is
// classified by the call that was made and the code that came back, see classify in errors.go.
// And since the SDK takes anything with status 200 for an answer, every answer is checked to be one
// before a bucket is believed to be empty, see answer.go.
package s3store
