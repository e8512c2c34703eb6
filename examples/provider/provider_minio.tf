# A service of your own. The keys come from GROUNDWORK_ACCESS_KEY and GROUNDWORK_SECRET_KEY,
# or from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
provider "groundwork" {
  service  = "minio"
  endpoint = "https://s3.example.com"
}
