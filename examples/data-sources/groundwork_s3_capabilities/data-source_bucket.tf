# What a bucket that exists can do: whether lock files hold is tried out in it, and nothing of
# that stays there.
data "groundwork_s3_capabilities" "bucket" {
  bucket = "terraform-state-coder-dev"
  probe  = true
}

output "evidence" {
  value = data.groundwork_s3_capabilities.bucket.lock_reason
}
