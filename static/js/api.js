// The API page: Swagger UI, from our own host, without inline script.
"use strict";

const place = document.getElementById("swagger");

SwaggerUIBundle({
  url: place.dataset.schema,
  domNode: place,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  defaultModelsExpandDepth: -1,
  // Nothing on other hosts is asked about our schema.
  validatorUrl: null,
});
