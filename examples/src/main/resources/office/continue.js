// SPDX-License-Identifier: Apache-2.0
// For providers that cut their window off from the pane that opened it (COOP), if the pane is in a frame and has no other way to
// get the message. This window stays between the two: it has an opener, and shares its storage with the window that signs in. It
// passes a message on, to our own origin only, and has no secret itself. If nobody has opened it, it reaches nobody.
'use strict';

const OFFICE_JS = 'https://appsforoffice.microsoft.com/lib/1/hosted/office.js';

const tx = location.hash.slice(1);
const office = new URLSearchParams(location.search).get('in') === 'office';

function say(title, text) {
  document.getElementById('title').textContent = title;
  document.getElementById('text').textContent = text;
  document.getElementById('continue').hidden = true;
}

function passOn(message) {
  if (office) {
    Office.onReady(() => Office.context.ui.messageParent(JSON.stringify(message), {targetOrigin: location.origin}));
  } else if (window.opener) {
    window.opener.postMessage(message, location.origin);
  }
}

if (/^[A-Za-z0-9_-]{43}$/.test(tx)) {
  const channel = new BroadcastChannel('sign-in ' + tx);
  channel.onmessage = event => {
    if (event.data && event.data.tx === tx) {
      passOn(event.data);
      if (office) {
        channel.postMessage('received'); // Office does not say; the pane closes this window
      }
    }
  };
  window.addEventListener('message', event => {
    if (event.origin === location.origin && event.data && event.data.type === 'received' && event.data.tx === tx) {
      channel.postMessage('received');
      window.close();
    }
  });
  const link = document.getElementById('continue');
  link.href = '/dialog?tx=' + tx;
  link.addEventListener('click', () => say('Continue in the other window', 'This one closes by itself when you are done.'));
  if (office) {
    const script = document.createElement('script');
    script.src = OFFICE_JS;
    script.onload = () => Office.onReady(() => {});
    document.head.append(script);
  }
} else {
  say('Please begin again', 'This window was not opened by a pane. You can close it.');
}
