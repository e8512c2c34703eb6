// Package awslocal starts what answers as AWS does on this machine: moto, which knows the settings
// of S3 buckets and DynamoDB tables that only AWS has, and dynalite, a DynamoDB whose conditional
// writes hold.
//
// What was measured of moto 5.2.5: it checks no signature; it refuses to read and to write objects where
// a bucket's policy denies it, whoever asks and whatever the conditions are, so that a policy which
// demands TLS shuts everyone out (imitate.AWS keeps policies away from it), and no other call; it refuses to
// delete a table with deletion protection as ValidationException; no table is ever CREATING. Its
// conditional writes of items had one winner in each of 100 rounds of 16 writers, but nothing promises
// that. Of eight conditional PUTs of one object two have won, which is why tests reach it through
// OneAtATime; so leases are tested on both, and all other locks on dynalite. Of S3 it drops NewerNoncurrentVersions of an expiration,
// BlockedEncryptionTypes, TargetObjectKeyFormat and the minimum size of transitions; it takes a log
// bucket only with the policy or the ACL that AWS asks for; it names the root of some answers after
// the call (GetBucketVersioningResponse), which AWS does not.
//
// What was measured of dynalite 4.0.0: one winner in each round; it does not know
// UpdateContinuousBackups (UnknownOperationException), ignores deletion protection, encryption and
// tags in CreateTable without a word, and does not return the item of a failed condition
// (ReturnValuesOnConditionCheckFailure). It serves every region alike and checks no secret. A client
// that goes away in the middle of a request ends it (index.js throws the error of the request), so that
// it stands behind a proxy that waits for both sides.
//
// AWS's own DynamoDB Local is not used: it is no open-source program, and comes under terms of its own.
package awslocal
