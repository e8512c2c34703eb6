terraform { /*
  a note
*/ required_version = ">= 1.6" }
