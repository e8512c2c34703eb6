# AWS. The keys come from wherever the AWS tools find them; aws is also what an empty configuration means.
provider "groundwork" {
  service = "aws"
  region  = "eu-west-3"
}
