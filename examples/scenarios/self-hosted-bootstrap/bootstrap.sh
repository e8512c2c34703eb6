#!/bin/sh
# Applies the bootstrap workspace from any checkout, whether its bucket is there yet or not. It can
# be repeated, and one run may finish what another has begun. TF=tofu runs OpenTofu.
set -eu
cd "$(dirname "$0")/bootstrap"
tf=${TF:-terraform}

trap 'rm -f backend_override.tf' EXIT
if ! "$tf" init -input=false; then
	# The committed backend.tf names a bucket that is not there yet, or that this run cannot reach.
	# Begin with a local state. If the bucket is there after all, the apply refuses to take it over.
	printf 'terraform {\n  backend "local" {}\n}\n' >backend_override.tf
	"$tf" init -input=false -reconfigure
fi
"$tf" apply -input=false -auto-approve
rm -f backend_override.tf

# Moves the state into the bucket, and changes nothing where it is there already.
"$tf" init -input=false -migrate-state -force-copy
"$tf" plan -input=false -detailed-exitcode
