console.log("patch later")
