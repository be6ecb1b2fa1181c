throw new Error("this site draws on WebAssembly only");
