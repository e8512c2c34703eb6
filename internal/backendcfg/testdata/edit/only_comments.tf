# Owner: platform team
// nothing here yet

/* terraform { backend "s3" {} } */
