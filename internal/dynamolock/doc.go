// Package dynamolock makes, adopts, inspects and drops lock tables on DynamoDB, and keeps leases in
// them.
//
// One table serves both kinds of locks. Its hash key is LockID, a string, as the s3 backend of
// Terraform and OpenTofu wants it (dynamodb_table), and these items stand in it:
//
//   - LockID <bucket>/<key> with Info: a lock that Terraform or OpenTofu holds on a state. It has no
//     end.
//   - LockID <bucket>/<key>-md5 with Digest: the MD5 sum of that state. Nobody holds anything by it.
//   - LockID groundwork:lease:<name>: a lease, see items.go. Bucket names have no colon, so no state
//     has such a LockID.
//   - other LockIDs that start with groundwork: are records, by which nobody holds anything.
//
// Everything is asked of AWS's API, with the credentials of the AWS chain; an emulation that lacks a
// setting is told apart from one that refuses it.
package dynamolock
