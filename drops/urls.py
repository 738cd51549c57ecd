from django.urls import URLPattern, URLResolver

app_name = "drops"

urlpatterns: list[URLPattern | URLResolver] = []
