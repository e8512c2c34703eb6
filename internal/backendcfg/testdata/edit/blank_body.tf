terraform {

}
