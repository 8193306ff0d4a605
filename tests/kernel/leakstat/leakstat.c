#include <linux/module.h>
static int __init a(void){return 0;} static void __exit b(void){}
module_init(a); module_exit(b); MODULE_LICENSE("GPL");
