// Leads on to the channel's page; the button is there for when this does not run.
"use strict";
document.getElementById("form").submit();
