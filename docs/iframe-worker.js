// The site's search runs in a worker, and browsers start none from a file. There a hidden frame is
// one: it loads the worker's script, and a message is an event in it. Served pages keep their own.
// By this file's name `offline` sees that it need not load another such program from elsewhere.
if (location.protocol === "file:") {
  window.IFrameWorker = window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      this.frame = document.createElement("iframe")
      this.frame.hidden = true
      // Some browsers put another document into an empty frame a moment after it was added.
      const isThere = new Promise(done => this.frame.addEventListener("load", done, { once: true }))
      document.documentElement.append(this.frame)
      this.isReady = isThere.then(() => this.start(url))
    }

    start(url) {
      const inside = this.frame.contentWindow
      inside.postMessage = data => this.dispatchEvent(new MessageEvent("message", { data }))
      inside.importScripts = (...urls) =>
        urls.reduce((before, each) => before.then(() => this.load(each)), Promise.resolve())
      return this.load(url)
    }

    load(url) {
      const script = this.frame.contentDocument.createElement("script")
      script.src = url
      return new Promise((done, failed) => {
        script.onload = done
        script.onerror = () => failed(new Error(`cannot load ${url}`))
        this.frame.contentDocument.head.append(script)
      })
    }

    postMessage(data) {
      const message = new MessageEvent("message", { data })
      this.isReady.then(() => this.frame.contentWindow.dispatchEvent(message))
    }

    terminate() {
      this.frame.remove()
    }
  }
}
